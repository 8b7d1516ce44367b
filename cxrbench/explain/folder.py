"""The folder of the pictures: it belongs to one request, and each file in it appears whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cxrbench.atomic import atomic_path, remove_leftovers, write_text
from cxrbench.errors import BadRequest
from cxrbench.explain.style import DPI

INDEX = "explain.json"


class Folder:
    """Pictures and `explain.json`, which tells what they are.

    The same request may come back, for other kinds or again: its pictures are replaced one by one
    and the others stay. Another request is refused, so that no picture stands beside an index
    that does not tell of it.
    """

    def __init__(self, path: Path, request: dict[str, Any]) -> None:
        """Take a folder, which need not exist.

        Args:
            path: The folder.
            request: What decides every picture; values as JSON has them.

        Raises:
            BadRequest: When it holds anything but pictures of the same request.
        """
        check_folder(path)
        self.path = path
        self._content: dict[str, Any] = {"schema_version": 1, "request": request, "pictures": {}}
        known = _read_index(path)
        if known is None:
            return
        if known.get("request") != json.loads(json.dumps(request)):
            raise BadRequest(
                f"{path} holds pictures of another request",
                why="its explain.json names another model, other weights, data or another seed",
                fix="choose another --out, or delete that folder",
            )
        pictures = known.get("pictures", {})
        self._content["pictures"] = {
            name: facts for name, facts in pictures.items() if (path / f"{name}.png").is_file()
        }

    def begin(self, facts: dict[str, Any]) -> None:
        """Make the folder and write the index, before any picture."""
        self._content.update(facts)
        self.path.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.path, older_than=3600)
        self._write_index()

    def add(self, name: str, figure: Figure, facts: dict[str, Any]) -> Path:
        """Write a picture, then what it is; returns its file."""
        target = self.path / f"{name}.png"
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
        self._content["pictures"][name] = {"file": target.name, **facts}
        self._write_index()
        return target

    def _write_index(self) -> None:
        text = json.dumps(self._content, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(self.path / INDEX, text + "\n")


def check_folder(path: Path) -> None:
    """Refuse a folder that holds other things, before anything is read or built.

    Raises:
        BadRequest: When it is a file, or holds files and no `explain.json`.
    """
    there = next((p for p in (path, *path.parents) if p.exists()), None)
    if there is not None and not there.is_dir():
        raise BadRequest(
            f"cannot write pictures to {path}",
            why=f"{there} is a file",
            fix="say --out DIR with a new or empty folder",
        )
    if path.is_dir() and any(path.iterdir()) and _read_index(path) is None:
        raise BadRequest(
            f"{path} holds other files",
            why=f"it is not empty and has no {INDEX} of this command",
            fix="say --out DIR with a new or empty folder",
        )


def _read_index(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((path / INDEX).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "request" in found else None
