"""What every command shares: plugin folders, the registry, the results folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrbench.registry import Registry

if TYPE_CHECKING:
    from cxrbench.results.store import Store


@dataclass
class Settings:
    """Options given before the command.

    Attributes:
        plugins: Plugin folders.
        debug: Show tracebacks.
    """

    plugins: list[Path] = field(default_factory=list)
    debug: bool = False


settings = Settings()

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RunsOption = Annotated[
    Path,
    typer.Option("--runs", envvar="CXRBENCH_RUNS", help="Folder of the run records."),
]
DataRootOption = Annotated[
    list[str] | None,
    typer.Option("--data-root", metavar="NAME=DIR", help="Where a data set lies; repeatable."),
]
DEFAULT_RUNS = Path("runs")


def registry() -> Registry:
    """The registry, with the plugin folders given on the command line."""
    return Registry.discover(settings.plugins)


def store(folder: Path) -> Store:
    """The store of the results folder."""
    from cxrbench.results.store import Store

    return Store(folder)


def split_names(values: list[str]) -> tuple[str, ...]:
    """`a,b` and repeated options to names, each once."""
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))
