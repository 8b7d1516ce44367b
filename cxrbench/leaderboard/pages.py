"""Writing the pages, and checking that what is there is what the records say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cxrbench.atomic import write_text
from cxrbench.leaderboard.markdown import NOTICE
from cxrbench.results.record import Record
from cxrbench.results.store import read_record

SHARED_RECORDS = "records"


def shared_records(folder: Path) -> list[Record]:
    """Records kept beside the pages, `FOLDER/records/*.json`."""
    return [read_record(path) for path in sorted((folder / SHARED_RECORDS).glob("*.json"))]


def write_pages(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Write the pages that differ from what is there; returns all of their paths."""
    paths = []
    for name, text in sorted(content.items()):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
        paths.append(path)
    return paths


def remove_stale(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Delete generated pages that no record stands behind; returns their paths.

    They are known by their first line: what people wrote beside them is left alone.
    """
    found = _stale(folder, content)
    for path in found:
        path.unlink()
    return found


def differences(folder: Path, content: Mapping[str, str]) -> list[str]:
    """What is wrong with the pages in a folder, a line each; empty when all is well."""
    found = []
    for name, text in sorted(content.items()):
        path = folder / name
        if not path.exists():
            found.append(f"{name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name} differs from what the records say")
    return found + [f"{path.name} has no record behind it" for path in _stale(folder, content)]


def _stale(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Generated pages, known by their first line, that are not among the content."""
    return [
        path
        for path in sorted(folder.glob("*.md"))
        if path.name not in content and path.read_text(encoding="utf-8").startswith(NOTICE)
    ]
