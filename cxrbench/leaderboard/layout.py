"""What stands on which page: `layout.yaml`, and one beside the pages laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrbench.cards.base import merge, read_yaml
from cxrbench.errors import BadRequest, PluginError

NAME = "layout.yaml"


class FamilyLayout(BaseModel):
    """One page."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    title: str
    types: list[str] = Field(default_factory=list, description="Task types; globs.")
    metrics: list[str] = Field(
        default_factory=list, description="Shown beside the main metrics, in this order; globs."
    )
    together: bool = Field(
        default=False, description="One table with all metrics, else a table for each."
    )


class Layout(BaseModel):
    """All pages, and the names and order of what stands on them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    families: dict[str, FamilyLayout]
    names: dict[str, str] = Field(default_factory=dict, description="Data set to short name.")
    datasets: list[str] = Field(default_factory=list, description="Their order.")
    protocols: list[str] = Field(default_factory=list, description="Their order.")

    def family_of(self, task_type: str) -> str | None:
        """The page of a task type, if there is one."""
        for name, family in self.families.items():
            if any(fnmatchcase(task_type, pattern) for pattern in family.types):
                return name
        return None

    def dataset_place(self, name: str) -> tuple[int, str]:
        """To sort data sets by."""
        return place(name, self.datasets)

    def protocol_place(self, name: str | None) -> tuple[int, str]:
        """To sort protocols by; an unknown one is last."""
        return place(name or "￿", self.protocols)


def begins_with(task: str, datasets: Iterable[str]) -> str:
    """The data set that a task id begins with, the longest; empty where there is none."""
    fits = [name for name in datasets if task == name or task.startswith(f"{name}-")]
    return max(fits, key=len, default="")


def place(name: str, order: Sequence[str]) -> tuple[int, str]:
    """Where a name stands in an order of globs; those that are not in it come last, by name."""
    fits = (n for n, pattern in enumerate(order) if fnmatchcase(name, pattern))
    return next(fits, len(order)), name


def read_layout(folder: Path | None = None) -> Layout:
    """The layout, with `FOLDER/layout.yaml` laid over it where there is one.

    Raises:
        BadRequest: When that file is not a layout.
    """
    content = read_yaml(Path(__file__).with_name(NAME))
    own = None if folder is None else folder / NAME
    if own is None or not own.exists():
        return Layout.model_validate(content)
    fix = "correct the file, or delete it: pages have a layout without it"
    try:
        return Layout.model_validate(merge(content, read_yaml(own)))
    except PluginError as error:
        raise BadRequest(f"cannot read {own.name}", why=error.why, fix=fix) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(
            f"{own.name} is not a layout of the pages",
            why=f"{own}: {where}: {first['msg']}",
            fix=fix,
        ) from error


def ordered_metrics(metrics: Iterable[str], main: Iterable[str], order: Sequence[str]) -> list[str]:
    """Metrics that a page shows: main ones and those that the layout names, in its order."""
    mains = set(main)
    shown = {m for m in metrics if m in mains or any(fnmatchcase(m, glob) for glob in order)}
    return sorted(shown, key=lambda m: (m not in mains, place(m, order)))
