"""`cxrbench doctor`: is this machine ready, and is any plugin broken."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from typing import Any

import typer

from cxrbench.cli.context import JsonOption, registry
from cxrbench.cli.output import print_json, print_table

_GIB = 2**30
_PACKAGES = ("torch", "torchvision", "lightning", "transformers", "timm", "numpy", "pydantic")


def doctor(json: JsonOption = False) -> None:
    """Check Python, packages, plugins, data, report readers and disk; ends with 1 on a fault."""
    rows = [*_environment(), *_plugins(), *_data(), *_readers(), *_disk()]
    if json:
        print_json(rows)
    else:
        print_table(
            ["", "what", "found"],
            [("ok" if r["ok"] else "FAULT", r["what"], r["found"]) for r in rows],
        )
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _line(what: str, found: str, ok: bool = True) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok}


def _environment() -> list[dict[str, Any]]:
    version = sys.version_info
    rows = [_line("python", f"{version.major}.{version.minor}.{version.micro}",
                  (3, 10) <= version[:2] <= (3, 13))]  # fmt: skip
    for name in _PACKAGES:
        try:
            rows.append(_line(name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append(_line(name, "not installed: pip install -e .", ok=False))
    try:
        import torch
        import torchvision  # noqa: F401  (a mismatched pair fails on import)

        gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        rows.append(_line("accelerator", ", ".join(gpus) or "none: runs on the CPU"))
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        rows.append(_line("torch with torchvision", f"{reason}: install a matching pair", ok=False))
    java = shutil.which("java")
    rows.append(_line("java", java or "not found: only needed for METEOR"))
    medspacy = os.environ.get("CXRBENCH_MEDSPACY_PYTHON")
    unset = "CXRBENCH_MEDSPACY_PYTHON is not set: only needed for ratescore"
    rows.append(_line("medspacy", medspacy or unset))
    return rows


def _plugins() -> list[dict[str, Any]]:
    from cxrbench.metrics.registry import plugin_problems

    found = registry()
    providers = {str(entry.provider) for entry in found.models.entries()}
    providers |= {str(entry.provider) for entry in found.tasks.entries()}
    rows = [_line("plugin", provider) for provider in sorted(providers)]
    problems = [*(problem.error for problem in found.problems), *plugin_problems()]
    for error in problems:
        rows.append(_line("plugin", f"{error.what}; {error.why}; {error.fix}", ok=False))
    collisions = [
        *found.models.collisions(),
        *found.datasets.collisions(),
        *found.tasks.collisions(),
        *found.protocols.collisions(),
        *found.modes.collisions(),
    ]
    return rows + [_line("plugin", text, ok=False) for text in collisions]


def _data() -> list[dict[str, Any]]:
    from cxrbench.data.roots import locate_root

    rows = []
    for entry in registry().datasets.entries():
        name, card = entry.card.name, entry.card
        root = locate_root(card, {})
        missing = root is not None and not root.is_dir()
        text = f"{root}{' does not exist' if missing else ''}" if root else "no folder named"
        rows.append(_line(f"data set {name}", text, ok=not missing))
    return rows


def _readers() -> list[dict[str, Any]]:
    """A line for each model that reads reports for a metric; that it is absent is no fault."""
    from cxrbench.metrics.registry import get_metric
    from cxrbench.metrics.text.ids import CLINICAL, RADGRAPH_IDS
    from cxrbench.readers import reader_card, reader_ids
    from cxrbench.readers.files import locate_file

    metrics = [get_metric(name) for name in (*CLINICAL, *RADGRAPH_IDS)]
    rows = []
    for card in map(reader_card, reader_ids()):
        needed = [one.id for one in metrics if card.id in getattr(one, "readers", ())]
        missing = [entry.name for entry in card.files if locate_file(card, entry) is None]
        found = "here"
        if missing:
            lacking = "" if len(missing) == len(card.files) else f" ({', '.join(missing)})"
            more = f" and {len(needed) - 1} more" if len(needed) > 1 else ""
            found = f"not here{lacking}, so no {needed[0]}{more}: cxrbench weights fetch {card.id}"
        rows.append(_line(f"reader {card.id}", found))
    return rows


def _disk() -> list[dict[str, Any]]:
    from cxrbench.paths import cache_dir

    folder = cache_dir()
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    return [_line("cache", f"{folder}, {free:.0f} GiB free", ok=free > 1)]
