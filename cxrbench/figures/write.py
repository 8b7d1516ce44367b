"""Figures on disk: the files of each, and a JSON file that says what it stands on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

from cxrbench import __version__
from cxrbench.atomic import write_text
from cxrbench.figures.library import Library
from cxrbench.figures.sheet import Sheet
from cxrbench.hashing import sha256_json, sha256_text
from cxrbench.plotting import house_style, save

_DRAWING = 1
"""Raised when figures look another way, so that they are drawn again."""


@dataclass(frozen=True)
class Written:
    """A figure on disk.

    Attributes:
        sheet: What it is.
        files: Its files, the caption last.
        drawn: False where it was there and nothing has changed.
    """

    sheet: Sheet
    files: tuple[Path, ...]
    drawn: bool


def write(
    sheets: Sequence[Sheet], out: Path, formats: Sequence[str], library: Library,
    *, replicates: int, redraw: bool = False,
) -> Iterator[Written]:  # fmt: skip
    """Draw figures that are not there yet, or stand on other numbers.

    Args:
        sheets: What to draw.
        out: Folder; made where it is absent.
        formats: Suffixes.
        library: Tells which predictions are read.
        replicates: Bootstrap replicates of bands.
        redraw: Draw also what has not changed.

    Raises:
        OSError: When a file cannot be written.
    """
    for sheet, name in zip(sheets, names_of(sheets), strict=True):
        caption = out / f"{name}.json"
        content = _caption(sheet, name, library, replicates)
        files = [out / f"{name}.{suffix}" for suffix in formats]
        there = _read(caption)
        same = there.get("fingerprint") == content["fingerprint"]
        # Files of formats that were not asked for now must not show other numbers than these.
        kept = {name for name in there.get("files", []) if (out / name).is_file()}
        if same and not redraw and all(file.name in kept for file in files):
            yield Written(sheet, (*files, caption), drawn=False)
            continue
        caption.unlink(missing_ok=True)
        for stale in sorted(kept - {file.name for file in files}) if not same else ():
            (out / stale).unlink()
        with house_style():
            figure = sheet.draw(sheet.title)
            for file in files:
                save(figure, file)
        listed = sorted({file.name for file in files} | (kept if same else set()))
        text = json.dumps({**content, "files": listed}, indent=1, ensure_ascii=False)
        write_text(caption, text + "\n")
        yield Written(sheet, (*files, caption), drawn=True)


def names_of(sheets: Sequence[Sheet]) -> list[str]:
    """File names without suffix: that of the sheet, with what sets it apart from others."""
    names = [f"{sheet.name}-unranked" if sheet.unranked_because else sheet.name for sheet in sheets]
    return [
        name if names.count(name) == 1 else f"{name}-{_data(sheet)}"
        for name, sheet in zip(names, sheets, strict=True)
    ]


def command_of(sheet: Sheet, replicates: int) -> str:
    """The command that draws a figure from the records it stands on."""
    specs = [record.spec for record in sheet.records]
    parts = ["cxrbench figures --kind", sheet.kind]
    for option in ("model", "task", "protocol"):
        parts += [f"--{option}", ",".join(sorted({getattr(spec, option) for spec in specs}))]
    parts += ["--include unranked"] if sheet.unranked_because else []
    parts += [f"--replicates {replicates}"] if sheet.predictions else []
    return " ".join(parts)


def _data(sheet: Sheet) -> str:
    return sha256_json(sorted({group.data_key for group in sheet.groups}))[:8]


def _caption(sheet: Sheet, name: str, library: Library, replicates: int) -> dict[str, Any]:
    about = {
        "schema_version": 1,
        "name": name,
        "kind": sheet.kind,
        "title": sheet.title,
        "caption": sheet.caption,
        "command": command_of(sheet, replicates),
        "run_ids": [record.run_id for record in sheet.records],
        "matplotlib": matplotlib.__version__,
    }
    shown = {"status", "spec", "metrics", "floors", "dataset", "weights", "overlaps"}
    numbers = [
        [sha256_text(record.model_dump_json(include=shown)),
         library.sha256(record) if sheet.predictions else None]
        for record in sheet.records
    ]  # fmt: skip
    return {**about, "fingerprint": sha256_json([_DRAWING, __version__, about, numbers])}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
