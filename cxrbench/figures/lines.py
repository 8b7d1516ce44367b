"""What one line or row of a figure stands for: a model with its weights and settings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxrbench.leaderboard.board import OVERLAP, Cell, Column
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.tables import is_higher_better, model_name
from cxrbench.leaderboard.units import heading, unit_of
from cxrbench.leaderboard.words import cell_words
from cxrbench.results.record import Record

Place = tuple[str, str]
"""A task and a state of its data: the numbers of one place can be compared."""


@dataclass(frozen=True)
class Line:
    """A model with its weights and settings, on some tasks.

    Attributes:
        name: Unique in its figure; † where the model was pretrained on images of the data.
        groups: Its runs, by task and state of the data.
    """

    name: str
    groups: Mapping[Place, Group]

    def cell(self, place: Place, metric: str) -> Cell:
        """Its number; an empty cell where it has none."""
        group = self.groups.get(place)
        return Cell() if group is None else group.cell(metric)


@dataclass(frozen=True)
class Measure:
    """A metric, as records describe it.

    Attributes:
        id: Metric id.
        unit: Its unit; fractions are drawn in percent.
        higher_is_better: Direction.
    """

    id: str
    unit: str
    higher_is_better: bool

    @classmethod
    def of(cls, metric: str, groups: Iterable[Group]) -> Measure:
        """What the records of groups say of a metric."""
        records = [record for group in groups for record in group.done]
        better = is_higher_better(records, metric)
        return cls(metric, unit_of(records, metric), better)

    @property
    def words(self) -> str:
        """The metric id with its unit, and ↓ where low is good."""
        unit = "%" if self.unit == "fraction" else self.unit
        return heading(self.id, unit, higher_is_better=self.higher_is_better)

    def said(self, cell: Cell) -> str:
        """`81.2 ± 0.3 (3)`, in percent where it is a fraction."""
        return cell_words(cell, Column(None, self.id, None, unit=self.unit))


def place_of(group: Group) -> Place:
    """The task and the state of the data of a group."""
    return group.first.spec.task, group.data_key


def lines_of(groups: Iterable[Group]) -> list[Line]:
    """The lines of groups of one protocol, by name.

    A model is followed from task to task; two settings of it on one task are two lines.
    """
    found = list(groups)
    counts = Counter((place_of(group), group.row_key) for group in found)
    apart: dict[tuple[str, str], dict[Place, Group]] = defaultdict(dict)
    for group in found:
        recipe = group.recipe if counts[place_of(group), group.row_key] > 1 else ""
        apart[group.row_key, recipe][place_of(group)] = group
    owners = list(apart.values())
    names = [model_name(_record(own)) for own in owners]
    notes = [_notes(own, recipe) for (_, recipe), own in apart.items()]
    for extra in (notes, [[f"encoder {_record(own).spec.encoder[:8]}"] for own in owners]):
        names = [_told(name, names.count(name), note)
                 for name, note in zip(names, extra, strict=True)]  # fmt: skip
    made = [Line(f"{name}{_mark(own)}", own) for name, own in zip(names, owners, strict=True)]
    return sorted(made, key=lambda line: (line.name.lower(), line.name))


def floor_of(groups: Sequence[Group], metric: str) -> float | None:
    """The floor of a metric, from the first record that has one."""
    values = (record.floors.get(metric) for group in groups for record in group.done)
    return next((value for value in values if value is not None), None)


def _record(own: Mapping[Place, Group]) -> Record:
    return next(iter(own.values())).first


def _notes(own: Mapping[Place, Group], recipe: str) -> list[str]:
    notes = list(next(iter(own.values())).row_notes())
    return [*notes, f"recipe {recipe}"] if recipe else notes


def _told(name: str, count: int, notes: Sequence[str]) -> str:
    return f"{name} [{', '.join(notes)}]" if count > 1 and notes else name


def _mark(own: Mapping[Place, Group]) -> str:
    return f" {OVERLAP}" if any(group.first.overlaps for group in own.values()) else ""
