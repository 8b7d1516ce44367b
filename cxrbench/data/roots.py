"""Where the downloads lie: the command line, a site file, or one folder for all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cxrbench.cards import DatasetCard, read_yaml
from cxrbench.errors import BadRequest, DataError, MissingDataError

SITE_FILE = "cxrbench-site.yaml"


def parse_roots(arguments: Sequence[str]) -> dict[str, Path]:
    """`NAME=DIR` arguments to a mapping.

    Raises:
        BadRequest: When an argument has another form.
    """
    roots = {}
    for argument in arguments:
        name, equals, folder = argument.partition("=")
        if not (name and equals and folder):
            raise BadRequest(
                f"cannot read --data-root {argument}",
                why="expected NAME=DIR: the name of a data set and its folder",
                fix="see `cxrbench data where` for the names",
            )
        roots[name] = Path(folder).expanduser()
    return roots


def site_roots() -> dict[str, Path]:
    """Roots from the site file: `CXRBENCH_SITE`, else `cxrbench-site.yaml` in this folder.

    Raises:
        BadRequest: When the file is not of that form.
    """
    path = Path(os.environ.get("CXRBENCH_SITE", SITE_FILE))
    if not path.is_file():
        return {}
    roots = read_yaml(path).get("data_roots") or {}
    if not isinstance(roots, dict):
        raise BadRequest(
            f"cannot read the site file {path.name}",
            why=f"{path}: `data_roots` is not a mapping from data sets to folders",
            fix="write `data_roots:` and below it `NAME: DIR`, one a line",
        )
    return {str(name): Path(str(folder)).expanduser() for name, folder in roots.items()}


def find_root(dataset: DatasetCard, given: Mapping[str, Path]) -> Path:
    """The folder of a data set: as given, else the site file, else `CXRBENCH_DATA/NAME`.

    A data set that lies in the folder of another (its card's `home`) is looked for there too.

    Raises:
        DataError: When no folder is named or the one named does not exist.
    """
    root = locate_root(dataset, given)
    if root is None:
        named = f"--data-root {dataset.home or dataset.name}=DIR"
        raise MissingDataError(
            f"the data set {dataset.name} is not on this machine",
            why="no --data-root, no site file and no CXRBENCH_DATA names a folder for it",
            fix=f"say {named}, or --demo to try on phantoms "
            f"(`cxrbench data where` says how to get it)",
            name=dataset.home or dataset.name,
        )
    if not root.is_dir():
        raise DataError(
            f"the folder of {dataset.name} does not exist",
            why=f"{root} is not a folder",
            fix=f"correct --data-root {dataset.name}=DIR or the site file",
        )
    return root


def locate_root(dataset: DatasetCard, given: Mapping[str, Path]) -> Path | None:
    """As `find_root`, but None where nothing is named."""
    return next((r for n in (dataset.name, dataset.home) if n and (r := _named(n, given))), None)


def needed_roots(dataset: DatasetCard, root: Path, given: Mapping[str, Path]) -> dict[str, Path]:
    """The folders of the data sets whose files this one refers to.

    Each is where the command line says, else inside `root` under its name, else looked for as any
    other data set.

    Raises:
        DataError: When one of them is not there.
    """
    found = {}
    for name in dataset.needs:
        inside = root / name
        folder = place_of_need(name, root, given)
        if folder is None or not folder.is_dir():
            raise MissingDataError(
                f"{dataset.name} needs files of {name}, which is not on this machine",
                why=f"there is no {inside}" + (f" and no {folder}" if folder else ""),
                fix=f"say --data-root {name}=DIR too",
                name=name,
            )
        found[name] = folder
    return found


def place_of_need(name: str, root: Path | None, given: Mapping[str, Path]) -> Path | None:
    """Where a needed data set is looked for (see `needed_roots`); None where nothing is named."""
    if name in given:
        return given[name]
    if root is not None and (root / name).is_dir():
        return root / name
    return _named(name, {})


def _named(name: str, given: Mapping[str, Path]) -> Path | None:
    """The folder named for a data set, which may not exist."""
    named = {**site_roots(), **given}
    if name in named:
        return named[name]
    collection = os.environ.get("CXRBENCH_DATA")
    if collection and (Path(collection) / name).is_dir():
        return Path(collection) / name
    return None
