"""Every task at a glance: the best model of each, and models by tasks as a heat map.

Both stand on the main metric of each task, one protocol and one state of the data to a column.
What is ranked and what is not are never in one map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cxrbench.leaderboard.board import EMPTY, Board, Column, Row, Table
from cxrbench.leaderboard.headings import metric_heading
from cxrbench.leaderboard.site.behind import Behind
from cxrbench.leaderboard.site.cells import Shown, shown
from cxrbench.leaderboard.site.names import told_apart

LEVELS = 7


@dataclass(frozen=True)
class Strip:
    """A column of the map, and a line of the list.

    Attributes:
        family: Id of its family.
        title: Of its family.
        column: What is measured.
        metric: The metric in words.
        rows: The models that were run, by key.
        cells: Their numbers, by key.
        best: Keys of those with the best value.
        next: Keys of those with the second best value.
        floor: What the best constant predictor gets.
        steps: Steps of colour, by key; none where all agree or there is one alone.
        data: State of the data, where it tells columns of one task apart; else empty.
        words: What search finds it by, in small letters.
    """

    family: str
    title: str
    column: Column
    metric: str
    rows: dict[str, Row]
    cells: dict[str, Shown]
    best: tuple[str, ...]
    next: tuple[str, ...]
    floor: str
    steps: dict[str, int]
    data: str
    words: str


@dataclass(frozen=True)
class Map:
    """The columns of one state.

    Attributes:
        state: `ranked` or `unranked`.
        strips: The columns.
        groups: Headings over columns, where each begins and how many it covers.
        names: The names of the rows, by key; those with the highest mean step first.
        apart: What tells each from others of its name.
    """

    state: str
    strips: tuple[Strip, ...]
    groups: tuple[tuple[str, int, int], ...]
    names: dict[str, str]
    apart: dict[str, str]

    @property
    def opening(self) -> set[int]:
        """Places of the columns that a group begins with."""
        return {first for _, first, _ in self.groups}


def heat_maps(board: Board, behind: Behind) -> list[Map]:
    """The map of what is ranked, and that of what is not; only those that have a column."""
    found = []
    for state, ranked in (("ranked", True), ("unranked", False)):
        strips = [
            _strip(family.id, family.title, table, place, behind)
            for family in board.families
            for table in family.details
            if table.ranked is ranked and table.measured
            for place, column in enumerate(table.columns)
            if column.main
        ]
        if strips:
            found.append(_map(state, _in_order(_told_apart(strips))))
    return found


def steps_of(values: Mapping[str, float], *, higher_is_better: bool) -> dict[str, int]:
    """Steps of colour, 0 for the worst value of a column and `LEVELS - 1` for the best.

    Args:
        values: The numbers of the column, by key.
        higher_is_better: Which end is the best.

    Returns:
        By key, in equal parts of the range of the values; empty where there is no range.
    """
    low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
    if low == high:
        return {}
    worst, best = (low, high) if higher_is_better else (high, low)
    shares = {key: (value - worst) / (best - worst) for key, value in values.items()}
    return {key: min(LEVELS - 1, int(share * LEVELS)) for key, share in shares.items()}


def _strip(family: str, title: str, table: Table, place: int, behind: Behind) -> Strip:
    column = table.columns[place]
    floor = table.floors[0].cells[place] if table.floors else EMPTY
    own = _by_key(row for row in table.measured if row.cells[place].run_ids)
    cells = {
        key: shown(column, row.cells[place], behind.add(row, column, row.cells[place], floor))
        for key, row in own.items()
    }
    values = {key: row.cells[place].value for key, row in own.items()}
    known = {key: value for key, value in values.items() if value is not None}
    order = sorted(set(known.values()), reverse=column.higher_is_better)
    metric = metric_heading(column)
    parts = (title, column.task, column.dataset, column.group, column.protocol, metric)
    return Strip(
        family=family,
        title=title,
        column=column,
        metric=metric,
        rows=own,
        cells=cells,
        best=tuple(key for key, value in known.items() if value == order[0]),
        next=tuple(key for key, value in known.items() if len(order) > 1 and value == order[1]),
        floor=shown(column, floor).text,
        steps=steps_of(known, higher_is_better=column.higher_is_better),
        data="",
        words=" ".join(part for part in parts if part).lower(),
    )


def _by_key(rows: Iterable[Row]) -> dict[str, Row]:
    """Rows by their key, with a number where another has it: the same model by another recipe."""
    found: dict[str, Row] = {}
    for row in rows:
        times = sum(row.key == other.key for other in found.values())
        found[f"{row.key}.{times}" if times else row.key] = row
    return found


def _told_apart(strips: Sequence[Strip]) -> list[Strip]:
    """Columns of one task and protocol say what data each stands on."""
    times = Counter((strip.column.task, strip.column.protocol) for strip in strips)
    return [
        replace(strip, data=strip.column.data)
        if times[strip.column.task, strip.column.protocol] > 1
        else strip
        for strip in strips
    ]


def _in_order(strips: Sequence[Strip]) -> list[Strip]:
    """Protocols and data sets together within their family, each where it is first met."""
    protocols = list(dict.fromkeys((s.family, s.column.protocol) for s in strips))
    datasets = list(dict.fromkeys((s.family, s.column.dataset) for s in strips))
    families = list(dict.fromkeys(s.family for s in strips))

    def place(strip: Strip) -> tuple[int, int, int]:
        family, column = strip.family, strip.column
        return (
            families.index(family),
            protocols.index((family, column.protocol)),
            datasets.index((family, column.dataset)),
        )

    return sorted(strips, key=place)


def _map(state: str, strips: Sequence[Strip]) -> Map:
    rows = {key: row for strip in reversed(strips) for key, row in strip.rows.items()}
    names = {key: row.name for key, row in rows.items()}
    steps: dict[str, list[int]] = {key: [] for key in names}
    for strip in strips:
        for key, step in strip.steps.items():
            steps[key].append(step)
    order = sorted(names, key=lambda key: (-_mean(steps[key]), names[key], key))
    groups = []
    first = 0
    for name, found in groupby(strips, lambda s: s.title):
        count = len(list(found))
        groups.append((name, first, count))
        first += count
    ordered = {key: names[key] for key in order}
    return Map(state, tuple(strips), tuple(groups), ordered, told_apart(rows))


def _mean(steps: Sequence[int]) -> float:
    return sum(steps) / len(steps) if steps else -1.0
