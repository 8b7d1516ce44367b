"""Writing the pages, and checking that what is there is what the records say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cxrbench.atomic import write_text
from cxrbench.leaderboard.formats import DEFAULT, MARK, patterns

_HEAD = 400


def write_pages(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Write the pages that differ from what is there; returns all of their paths."""
    paths = []
    for name, text in sorted(content.items()):
        path = folder / name
        if _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
        paths.append(path)
    return paths


def remove_stale(
    folder: Path, content: Mapping[str, str], formats: Sequence[str] = DEFAULT
) -> list[Path]:
    """Delete generated pages that no record stands behind; returns their paths.

    They are known by what their first lines say: what people wrote beside them is left alone, and
    so are pages of other formats.
    """
    found = _stale(folder, content, formats)
    for path in found:
        path.unlink()
    return found


def differences(
    folder: Path, content: Mapping[str, str], formats: Sequence[str] = DEFAULT
) -> list[str]:
    """What is wrong with the pages in a folder, a line each; empty when all is well."""
    found = []
    for name, text in sorted(content.items()):
        if not (folder / name).exists():
            found.append(f"{name} is missing")
        elif _read(folder / name) != text:
            found.append(f"{name} differs from what the records say")
    stale = _stale(folder, content, formats)
    return found + [f"{p.relative_to(folder).as_posix()} has no record behind it" for p in stale]


def _stale(folder: Path, content: Mapping[str, str], formats: Sequence[str]) -> list[Path]:
    """Generated pages, known by their first lines, that are not among the content."""
    paths = {path for pattern in patterns(formats) for path in folder.glob(pattern)}
    return [
        path
        for path in sorted(paths)
        if path.is_file()
        and path.relative_to(folder).as_posix() not in content
        and MARK in (_read(path) or "")[:_HEAD]
    ]


def _read(path: Path) -> str | None:
    """The text of a file, line ends as they are; None where there is none."""
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return None
