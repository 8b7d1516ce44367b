"""Figures that lie beside the pages, and which numbers they belong to."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from cxrbench.leaderboard.board import Figure

FOLDER = "figures"
# What a browser shows, the sharper one first.
_SHOWN = (".svg", ".png")


def read_figures(folder: Path, run_ids: Collection[str]) -> tuple[Figure, ...]:
    """The figures of `FOLDER/figures` that stand on these runs alone, by path.

    A figure is known by the JSON file beside it, which says what it stands on. One of runs that
    the page does not show, or that are gone, would be out of date and is passed over.
    """
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        about = _read(path)
        name = _file(path.parent, about)
        runs = about.get("run_ids", [])
        if name is None or not runs or not set(runs) <= set(run_ids):
            continue
        title = about.get("title") or [path.stem]
        found.append(
            Figure(
                path=f"{FOLDER}/{name}",
                title=" – ".join(title),
                caption=str(about.get("caption", "")),
                run_ids=tuple(runs),
            )
        )
    return tuple(found)


def _file(folder: Path, about: dict[str, Any]) -> str | None:
    """The file of a figure that a browser can show."""
    names = [name for name in about.get("files", []) if "/" not in name]
    ordered = [name for suffix in _SHOWN for name in names if name.endswith(suffix)]
    return next((name for name in ordered if (folder / name).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    """What is told of a figure; nothing where the file is not what we know."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("schema_version") == 1 else {}
