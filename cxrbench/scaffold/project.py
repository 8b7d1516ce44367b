"""Writing the project of a plugin from the templates beside this file.

A template is a text with `$placeholders` (`string.Template`); its path may hold `__id__`,
`__package__` and `__module__`, and ends in `.tmpl`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path, PurePosixPath
from string import Template
from typing import TYPE_CHECKING, Literal

from cxrbench import __version__
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from importlib.abc import Traversable

Kind = Literal["model", "task"]

SUFFIX = ".tmpl"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_project(kind: Kind, name: str, out: Path) -> list[Path]:
    """Write the project `out/name`.

    Args:
        kind: What the plugin offers.
        name: Id of the model, or the name that the ids of the tasks begin with.
        out: Folder to make the project's folder in; made when missing.

    Returns:
        The files written.

    Raises:
        BadRequest: When the name is not a valid id or is taken, or the folder exists; nothing is
            written then.
    """
    values = _values(kind, name)
    project = out / name
    if project.exists():
        raise BadRequest(
            f"{project} exists already",
            why="a new plugin never writes over what is there",
            fix="choose another name, or another folder with --out",
        )
    written = []
    folder = resources.files("cxrbench.scaffold") / "project-templates" / kind
    for path, template in _templates(folder):
        target = project / _fill_path(path, values)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(template).substitute(values), encoding="utf-8")
        written.append(target)
    return sorted(written)


def _values(kind: Kind, name: str) -> dict[str, str]:
    if not _ID.fullmatch(name):
        raise BadRequest(
            f"'{name}' cannot be the name of a {kind}",
            why="an id starts with a small letter and has small letters, digits and single dashes",
            fix=f"say for example `cxrbench new {kind} {_closest_id(name, kind)}`",
        )
    module = name.replace("-", "_")
    package = f"cxrbench_{module}"
    if importlib.util.find_spec(package) is not None:
        raise BadRequest(
            f"the name {name} is taken",
            why=f"a package {package} is installed in this environment",
            fix="choose another name",
        )
    return {
        "id": name,
        "module": module,
        "package": package,
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "version": __version__,
    }


def _closest_id(name: str, kind: Kind) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-")
    return words or f"my-{kind}"


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Relative path and text of every template below a folder."""
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _templates(entry, f"{path}/")
        elif entry.name.endswith(SUFFIX):
            yield path.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")


def _fill_path(path: str, values: Mapping[str, str]) -> PurePosixPath:
    for key in ("id", "package", "module"):
        path = path.replace(f"__{key}__", values[key])
    return PurePosixPath(path)
