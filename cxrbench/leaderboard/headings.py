"""The headings of columns: data set over task over metric."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxrbench.leaderboard.board import Column
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.layout import Layout, begins_with
from cxrbench.leaderboard.tables import describe_data
from cxrbench.leaderboard.units import FRACTION

_PERCENT = re.compile(r"^(\d+)pct$")


@dataclass(frozen=True)
class Headings:
    """How the columns of a table are named.

    Attributes:
        layout: Names of data sets.
        metrics: Whether columns have different metrics, so that each says its own.
        tasks: Whether to say what a task id says beyond its data set.
        titles: Data set to title, for columns in which nothing was run.
        states: Tasks of which several columns have different states of the data.
    """

    layout: Layout
    metrics: bool
    tasks: bool
    titles: Mapping[str, str] = field(default_factory=dict)
    states: frozenset[str] = frozenset()

    def __call__(self, column: Column, groups: Sequence[Group]) -> Column:
        """The column with its headings, and the state of the data of the groups in it."""
        record = groups[0].first if groups else None
        task = column.task or ""
        dataset = record.dataset.name if record else self._dataset(task)
        title = record.dataset.title if record else self.titles.get(dataset, column.group or task)
        data = describe_data(record) if record else ""
        group = self.layout.names.get(dataset, title)
        part = _part(task, dataset) if self.tasks else ""
        state = f"({data})" if task in self.states and data else ""
        label = ""
        if self.metrics:
            label = metric_heading(column)
            group = " ".join(filter(None, (group, part, state)))
        else:
            label = " ".join(filter(None, (part, state)))
        main = record is not None and column.metric == record.main_metric
        return replace(column, dataset=dataset, group=group, label=label, data=data, main=main)

    def _dataset(self, task: str) -> str:
        """The data set that a task id begins with; empty where none is known."""
        return begins_with(task, [*self.layout.names, *self.titles])


def metric_heading(column: Column) -> str:
    """The metric id, with its unit where that is not percent, and ↓ where low is good."""
    name = column.metric or f"“{column.printed_as}”"
    named = name if column.unit == FRACTION else f"{name} ({column.unit})"
    return named if column.higher_is_better else f"{named} ↓"


def _part(task: str, dataset: str) -> str:
    """What a task id says beyond its data set; `100pct` becomes `100 %`."""
    rest = task.removeprefix(dataset).lstrip("-") if dataset else ""
    return _PERCENT.sub(r"\1 %", rest)


def tells_more(tasks: Iterable[str]) -> bool:
    """Whether tasks differ in what follows their data set, or it holds a number.

    `rsna-seg` and `siim-seg` do not: on a page of segmentation their end says nothing.
    """
    ends = {task.rpartition("-")[2] for task in tasks}
    return len(ends) > 1 or any(character.isdigit() for end in ends for character in end)


def flat(column: Column) -> str:
    """Both headings in one line."""
    return " ".join(filter(None, (column.group, column.label)))
