"""Finding plugins: entry points of installed packages, and folders named by the user.

An entry point of the groups `cxrbench.models`, `cxrbench.tasks` or `cxrbench.protocols` names a
*package*; every `*.yaml` directly inside it is a card. One entry a package means that a new file
appears at once, without a reinstall. Preprocessing modes lie beside the protocols. Nothing of a
plugin is imported to list it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from cxrbench.errors import PluginError, UnknownNameError

Kind = Literal["model", "dataset", "task", "protocol", "mode"]

GROUPS: dict[str, Kind] = {
    "cxrbench.models": "model",
    "cxrbench.tasks": "task",
    "cxrbench.protocols": "protocol",
}

RECIPES = "cxrbench.recipes"
"""An entry point of this group names a package whose `*.yaml` are recipes of pretraining."""

REPORT_RECIPES = "cxrbench.report_recipes"
"""An entry point of this group names a package whose `*.yaml` are recipes of report generation."""

SUITES = "cxrbench.suites"
"""An entry point of this group names a package whose `*.yaml` are suites."""

YAML_SUFFIXES = (".yaml", ".yml")
_FOLDER = "path:"


@dataclass(frozen=True)
class Provider:
    """Who offers a card.

    Attributes:
        distribution: Name of the installed distribution, or `path:FOLDER`.
        version: Its version; empty for a folder.
    """

    distribution: str
    version: str

    @property
    def is_folder(self) -> bool:
        """Whether the plugin was named as a folder and is not installed."""
        return self.distribution.startswith(_FOLDER)

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True)
class CardFile:
    """One YAML file found in a plugin; `kind` is None where the file itself has to tell."""

    path: Path
    kind: Kind | None
    provider: Provider


@dataclass(frozen=True)
class Problem:
    """A plugin, or a card of it, that cannot be used. It costs only itself."""

    provider: Provider
    error: PluginError


def installed_card_files() -> Iterator[CardFile | Problem]:
    """The cards of every installed plugin."""
    for group, kind in GROUPS.items():
        for entry_point in metadata.entry_points(group=group):
            distribution = entry_point.dist
            provider = Provider(
                distribution.name if distribution else "unknown",
                distribution.version if distribution else "",
            )
            folder = _package_folder(entry_point.value)
            if folder is None:
                yield Problem(
                    provider,
                    PluginError(
                        f"the plugin {provider} cannot be used",
                        why=f"its entry point {group} names the package "
                        f"{entry_point.value}, which cannot be imported",
                        fix=f"reinstall or uninstall {provider.distribution}",
                    ),
                )
                continue
            for path in sorted(folder.glob("*.yaml")):
                yield CardFile(path, kind, provider)


def folder_card_files(folders: list[Path]) -> Iterator[CardFile]:
    """The cards in folders given by `--plugin` or `CXRBENCH_PLUGINS`.

    A folder is either a package with cards in it, or a project whose packages hold them. Its
    parent is put on the import path, so that the cards' entries can be imported.

    Raises:
        PluginError: When a folder has no card.
    """
    # A folder may be named twice, by the environment and by the command line.
    for folder in {folder.resolve(): folder for folder in folders}.values():
        packages = [p for p in _candidate_packages(folder.resolve()) if any(p.glob("*.yaml"))]
        if not packages:
            raise PluginError(
                f"the plugin folder {folder} has no card",
                why="neither it nor a package directly inside it holds a *.yaml file",
                fix="name the folder of the package; `cxrbench new model NAME` makes one",
            )
        for package in packages:
            if str(package.parent) not in sys.path:
                sys.path.insert(0, str(package.parent))
            for path in sorted(package.glob("*.yaml")):
                yield CardFile(path, None, Provider(f"{_FOLDER}{folder.resolve().name}", ""))


def installed_recipes() -> dict[str, list[Path]]:
    """The recipes of every installed plugin: files by the name they have without `.yaml`."""
    return _installed_files(RECIPES)


def installed_suites() -> dict[str, list[Path]]:
    """The suites of every installed plugin: files by the name they have without `.yaml`."""
    return _installed_files(SUITES)


def named_file(kind: str, group: str, name: str, advise: Callable[[Iterable[str]], str]) -> Path:
    """A file that is named as a path, or by its name in an installed package.

    Args:
        kind: What it is, for errors: `suite` or `recipe`.
        group: Of the entry points of the packages, `RECIPES` or `SUITES`.
        name: As the user gave it.
        advise: The names on offer to what an unknown one is answered with.

    Raises:
        UnknownNameError: When no package offers the name, which cannot be a path.
        PluginError: When several do.
    """
    path = Path(name)
    if path.suffix in YAML_SUFFIXES or len(path.parts) != 1 or path.is_file():
        return path
    offered = _installed_files(group)
    files = offered.get(name, [])
    if not files:
        raise UnknownNameError(
            f"unknown {kind}: {name}",
            why=f"no installed package offers a {kind} of that name, and there is no such file",
            fix=advise(offered),
        )
    if len(files) > 1:
        raise PluginError(
            f"the {kind} name {name} is not unique",
            why=f"offered by {' and '.join(map(str, files))}",
            fix="name one of the files",
        )
    return files[0]


def _installed_files(group: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for entry_point in metadata.entry_points(group=group):
        folder = _package_folder(entry_point.value)
        for path in sorted(folder.glob("*.yaml")) if folder is not None else ():
            found.setdefault(path.stem, []).append(path)
    return found


def plugin_folders() -> list[Path]:
    """The folders in the environment variable `CXRBENCH_PLUGINS`."""
    return [Path(p) for p in os.environ.get("CXRBENCH_PLUGINS", "").split(os.pathsep) if p]


def _candidate_packages(folder: Path) -> list[Path]:
    if (folder / "__init__.py").exists():
        return [folder]
    children = [*folder.glob("*/__init__.py"), *folder.glob("src/*/__init__.py")]
    return sorted(child.parent for child in children)


def _package_folder(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # finding a package inside another runs the other's code
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
