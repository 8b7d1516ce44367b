"""Tables of the board as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from cxrbench.leaderboard.board import Board, Column, Family, Row, Table
from cxrbench.leaderboard.headings import metric_heading
from cxrbench.leaderboard.site.behind import Behind
from cxrbench.leaderboard.site.cells import Shown, shown
from cxrbench.leaderboard.site.names import told_apart
from cxrbench.leaderboard.words import row_words, run_words

RANKED, UNRANKED, PUBLISHED = "ranked", "unranked", "published"


@dataclass(frozen=True)
class Head:
    """The heading of a column.

    Attributes:
        label: What tells it from its neighbours.
        metric: A second line: the metric; empty where the label says it or all columns share it.
        name: In full, for those who listen.
        sort: `high` where high values are good, else `low`.
        first: Whether a group begins here.
    """

    label: str
    metric: str
    name: str
    sort: str
    first: bool


@dataclass(frozen=True)
class Line:
    """A row.

    Attributes:
        name: What it is.
        apart: What tells it from others of its name; empty where there is none.
        state: `ranked`, `unranked` or `published`; empty for the floor.
        rank: Its place in words; empty where it has none.
        cells: One for each column.
        origin: Where a published row is from.
        url: Of the paper.
        words: What search finds it by, in small letters.
    """

    name: str
    apart: str
    state: str
    rank: str
    cells: tuple[Shown, ...]
    origin: str
    url: str
    words: str


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        id: Anchor.
        title: Heading.
        facts: One line below it; empty where the title says it all.
        ranked: Whether it has a column of ranks.
        groups: Headings over columns and how many each covers; empty where there are none.
        heads: The columns.
        parts: Bodies of the table, `measured`, `floor` and `published`, with their rows.
        notes: Lines below it.
        about: For each column its heading, and the task and data it stands on.
        command: What adds a model to it; empty where nothing does.
        sourced: Whether a row is from a paper.
        protocol: For the filter.
        words: What search finds it by, in small letters.
    """

    id: str
    title: str
    facts: str
    ranked: bool
    groups: tuple[tuple[str, int], ...]
    heads: tuple[Head, ...]
    parts: tuple[tuple[str, tuple[Line, ...]], ...]
    notes: tuple[str, ...]
    about: tuple[tuple[str, str], ...]
    command: str
    sourced: bool
    protocol: str
    words: str


def sheet(board: Board, family: Family, table: Table, behind: Behind) -> Sheet:
    """Lay out a table, and collect the dialogs of its cells."""
    state = RANKED if table.ranked else UNRANKED
    floor = table.floors[0].cells if table.floors else (None,) * len(table.columns)
    apart = told_apart(dict(enumerate(table.measured)))
    measured = tuple(
        _line(row, state, [
            shown(column, cell, behind.add(row, column, cell, below))
            for column, cell, below in zip(table.columns, row.cells, floor, strict=True)
        ], apart[place])
        for place, row in enumerate(table.measured)
    )  # fmt: skip
    parts = [
        ("measured", measured),
        ("floor", tuple(_plain(row, table.columns, "") for row in table.floors)),
        ("published", tuple(_plain(row, table.columns, PUBLISHED) for row in table.published)),
    ]
    heads = _heads(table.columns)
    return Sheet(
        id=table.id,
        title=table.title,
        facts=_facts(table),
        ranked=any(line.rank for line in measured),
        groups=_groups(table.columns),
        heads=heads,
        parts=tuple((name, lines) for name, lines in parts if lines),
        notes=(*table.notes, *_row_notes(table.measured, apart)),
        about=_about(heads, table.columns),
        command=run_words(table, board),
        sourced=bool(table.published),
        protocol=table.protocol or "",
        words=_words(family, table),
    )


def _plain(row: Row, columns: Sequence[Column], state: str) -> Line:
    """A row that no run stands behind."""
    pairs = zip(columns, row.cells, strict=True)
    return _line(row, state, [shown(column, cell) for column, cell in pairs])


def _line(row: Row, state: str, cells: Iterable[Shown], apart: str = "") -> Line:
    origin = row_words(row) if row.source else ""
    return Line(
        name=row.name,
        apart=apart,
        state=state,
        rank="" if row.rank is None else str(row.rank),
        cells=tuple(cells),
        origin=origin,
        url=row.source.url if row.source else "",
        words=f"{row.name} {row.model or ''} {origin}".lower(),
    )


def _row_notes(rows: Sequence[Row], apart: Mapping[int, str]) -> list[str]:
    """What sets rows apart, a line for each thing that is to be said and does not stand in them."""
    found: dict[str, list[str]] = {}
    for place, row in enumerate(rows):
        for note in (note for note in row.notes if note not in apart[place].split("; ")):
            found.setdefault(note, []).append(row.name)
    return [
        f"{note[:1].upper()}{note[1:]}"
        + ("." if len(names) == len(rows) else f" ({', '.join(names)}).")
        for note, names in found.items()
    ]


def _groups(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    """Headings over columns, where columns have headings of two levels."""
    if not any(column.group and column.label for column in columns):
        return ()
    return tuple((name, len(list(found))) for name, found in groupby(columns, _group))


def _group(column: Column) -> str:
    return column.group


def _heads(columns: Sequence[Column]) -> tuple[Head, ...]:
    shared = len({metric_heading(column) for column in columns}) == 1
    deep = bool(_groups(columns))
    heads = []
    for place, column in enumerate(columns):
        metric = metric_heading(column)
        label = column.label or (column.task if deep else column.group or column.task) or metric
        inside = metric.startswith(label)
        heads.append(
            Head(
                label=metric if inside else label,
                metric="" if inside or shared else metric,
                name=", ".join(filter(None, (column.group if deep else "", label,
                                             "" if inside else metric))),
                sort="high" if column.higher_is_better else "low",
                first=deep and place > 0 and columns[place - 1].group != column.group,
            )
        )  # fmt: skip
    return tuple(heads)


def _facts(table: Table) -> str:
    """What all columns share and the title does not say: protocol, metric, state of the data."""
    parts = [table.protocol or "protocol not told"]
    for each in ({metric_heading(c) for c in table.columns}, {c.data for c in table.columns}):
        parts += each if len(each) == 1 else []
    return " · ".join(part for part in parts if part and part not in table.title)


def _about(heads: Sequence[Head], columns: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    """Task and data of each column, where they are not all of one task."""
    if len({column.task for column in columns}) == 1:
        return ()
    return tuple(
        (head.name, ", ".join(filter(None, (column.task, column.data))) or "not a task of cxrbench")
        for head, column in zip(heads, columns, strict=True)
    )


def _words(family: Family, table: Table) -> str:
    found = [family.title, table.title, table.protocol or ""]
    for column in table.columns:
        found += [column.task or "", column.dataset, column.group, column.label,
                  column.metric or "", column.printed_as]  # fmt: skip
    return " ".join(dict.fromkeys(part.lower() for part in found if part))
