"""Columns: numbers that may stand below each other, and the refusal of those that may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cxrbench.errors import MixedError
from cxrbench.leaderboard.board import EMPTY, OTHER_SPLIT, Cell, Column, Reference
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.published import Paper, PublishedRow, PublishedTable
from cxrbench.leaderboard.units import FRACTION

_MOST_DIGITS = 2
"""Of a published number on a page; the CSV has all that were printed."""


@dataclass(frozen=True)
class Entry:
    """A number that is to stand in a column, with all that decides whether it may.

    Attributes:
        name: Whose number it is, for errors.
        task: Task id; None for published values of tasks that cxrbench does not have.
        metric: Metric id; None where a paper does not tell.
        protocol: Protocol id; None where a paper does not tell.
        data_key: State of the data; empty where a paper is quoted.
        cell: The number.
        unit: Of the metric; None where no number tells, since all runs failed.
        higher_is_better: Direction of the metric; None as `unit`.
        printed_as: What a paper calls the metric.
        group: Where there is no task: what data a paper says it is.
        paper_table: Of a quoted number: which table it is from.
    """

    name: str
    task: str | None
    metric: str | None
    protocol: str | None
    data_key: str
    cell: Cell
    unit: str | None = FRACTION
    higher_is_better: bool | None = True
    printed_as: str = ""
    group: str = ""
    paper_table: str = ""


def measured_entry(group: Group, metric: str) -> Entry:
    """The number that runs have in a metric.

    Raises:
        MixedError: When the metric has another unit or direction in one seed than in another.
    """
    record = group.first
    found = [(r.run_id, r.metrics[metric]) for r in group.done if metric in r.metrics]
    for name, what in (("unit", "units"), ("higher_is_better", "directions")):
        _same([(run_id, getattr(facts, name)) for run_id, facts in found], f"{what} of {metric}")
    facts = found[0][1] if found else None
    return Entry(
        name=f"{record.spec.model} ({group.first.run_id})",
        task=record.spec.task,
        metric=metric,
        protocol=record.spec.protocol,
        data_key=group.data_key,
        cell=group.cell(metric),
        unit=facts.unit if facts else None,
        higher_is_better=facts.higher_is_better if facts else None,
    )


def published_entry(paper: Paper, table: PublishedTable, row: PublishedRow, place: int) -> Entry:
    """The number that a paper printed in a row and a column."""
    column, value = table.columns[place], row.values[place]
    cell = EMPTY
    if value is not None:
        seeds = row.seeds or table.seeds
        shift = 2 if column.unit == FRACTION and column.printed == "fraction" else 0
        mean = float(value.mean * column.factor)
        sd = None if value.sd is None else float(value.sd * column.factor)
        cell = Cell(
            value=mean,
            sd=sd,
            n=seeds,
            expected=seeds,
            marks=(OTHER_SPLIT,) if column.split else (),
            references=(Reference(mean, sd, f"{paper.cited}, {table.where}"),),
            digits=min(_MOST_DIGITS, max(1, value.digits - shift)),
        )
    return Entry(
        name=f"{row.method} ({paper.cited}, {table.where})",
        task=column.task,
        metric=column.metric,
        protocol=table.protocol,
        data_key="",
        cell=cell,
        unit=column.unit,
        higher_is_better=column.higher_is_better,
        printed_as=column.printed_as,
        group="" if column.task else column.group,
        paper_table=f"{paper.id} {table.table}",
    )


def column_of(entries: Iterable[Entry]) -> Column:
    """The column of numbers that were made in one way, without headings.

    Raises:
        MixedError: When two differ in task, metric id, protocol, unit, direction or state of the
            data; or when a metric is unknown and they are not from one table of one paper.
    """
    found = list(entries)
    for name, what in (
        ("task", "tasks"), ("metric", "metric ids"), ("protocol", "protocols"),
        ("group", "data sets"),
    ):  # fmt: skip
        _all_equal(found, name, what)
    told = [entry for entry in found if entry.unit is not None]
    _all_equal(told, "unit", "units")
    _all_equal(told, "higher_is_better", "directions")
    unknown = [entry for entry in found if entry.metric is None]
    _all_equal(unknown, "paper_table", "metrics that are not told")
    _all_equal(unknown, "printed_as", "metrics that are not told")
    _all_equal([entry for entry in found if entry.data_key], "data_key", "states of the data")
    first = found[0]
    names = sorted({entry.printed_as for entry in found} - {"", first.metric})
    return Column(
        task=first.task,
        metric=first.metric,
        protocol=first.protocol,
        printed_as=", ".join(names),
        unit=next((entry.unit for entry in told if entry.unit), FRACTION),
        higher_is_better=told[0].higher_is_better is not False if told else True,
        group=first.group,
        data_key=next((entry.data_key for entry in found if entry.data_key), ""),
    )


def _all_equal(entries: list[Entry], name: str, what: str) -> None:
    _same([(entry.name, getattr(entry, name)) for entry in entries], what)


def _same(named: list[tuple[str, object]], what: str) -> None:
    """Refuses values that differ from the first, each with the name of whose it is."""
    for name, other in named[1:]:
        first, one = named[0]
        if one != other:
            raise MixedError(
                f"different {what} do not stand in one column: {_said(one)} and {_said(other)}",
                why=f"{first} has {_said(one)}, {name} has {_said(other)}",
                fix="give each a column or a table of its own; nothing makes them comparable",
            )


def _said(value: object) -> str:
    return "one that is not told" if value in (None, "") else str(value)
