"""One table from runs and quotes: its columns, its rows, their ranks and marks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxrbench.hashing import sha256_json
from cxrbench.leaderboard.board import (
    DIFFERS,
    EMPTY,
    INCOMPLETE,
    MARKS,
    Cell,
    Column,
    Row,
    Table,
)
from cxrbench.leaderboard.columns import Entry, column_of, measured_entry
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.quotes import Quote, references, source_of
from cxrbench.leaderboard.ranks import places, row_places
from cxrbench.leaderboard.tables import FLOOR, model_name

_SD = 2.0


@dataclass(frozen=True)
class Key:
    """What a column holds.

    Attributes:
        task: Task id, or what a paper says its data is.
        metric: Metric id, or what a paper calls it.
        data_key: State of the data; empty where papers alone are quoted.
    """

    task: str
    metric: str
    data_key: str = ""


@dataclass(frozen=True)
class Draft:
    """What a table is made of.

    Attributes:
        id: Of the table.
        title: Of the table.
        protocol: Of the table.
        ranked: Whether its runs are ranked.
        keys: Its columns, from left to right.
        groups: Runs; those whose task is in no column are left out.
        quotes: Rows that may go below them.
        all_quotes: What measured values are held against.
        notes: Sentences below it.
    """

    id: str
    title: str
    protocol: str | None
    ranked: bool
    keys: Sequence[Key]
    groups: Sequence[Group] = ()
    quotes: Sequence[Quote] = ()
    all_quotes: Sequence[Quote] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Line:
    """A row while it is put together."""

    row: Row
    entries: dict[Key, Entry] = field(default_factory=dict)


Heading = Callable[[Column, Sequence[Group]], Column]
"""Adds the headings to a column, which the groups in it are given for."""


def assemble(draft: Draft, heading: Heading) -> Table:
    """The table of a draft.

    Raises:
        MixedError: When numbers in one column were made in different ways.
    """
    by_place: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in draft.groups:
        by_place[group.first.spec.task, group.data_key].append(group)
    measured = _measured(draft, by_place)
    if draft.ranked:
        _mark_fewer_seeds(draft.keys, measured)
    published = _published(draft)
    columns, floors = [], []
    for key in draft.keys:
        entries = [line.entries[key] for line in (*measured, *published) if key in line.entries]
        groups = by_place.get((key.task, key.data_key), []) if key.data_key else []
        columns.append(heading(column_of(entries), groups))
        floors.append(Cell(value=_floor(groups, key.metric)))
    rows = _ranked_rows(draft, columns, measured)
    if any(cell.value is not None for cell in floors):
        rows.append(Row("floor", FLOOR, tuple(floors)))
    rows += [_row(draft, line) for line in published]
    return Table(
        id=draft.id,
        title=draft.title,
        protocol=draft.protocol,
        ranked=draft.ranked and bool(measured),
        columns=tuple(columns),
        rows=tuple(rows),
        notes=draft.notes,
    )


def _measured(draft: Draft, by_place: Mapping[tuple[str, str], Sequence[Group]]) -> list[_Line]:
    """A line for each model with its weights and settings."""
    places_used = {(key.task, key.data_key) for key in draft.keys if key.data_key}
    shown = {place: groups for place, groups in by_place.items() if place in places_used}
    same = Counter((place, group.row_key, group.recipe)
                   for place, groups in shown.items() for group in groups)  # fmt: skip
    recipes = Counter((place, row_key) for place, row_key, _ in same)
    encoders: dict[str, set[str]] = defaultdict(set)
    for group in (group for groups in shown.values() for group in groups):
        encoders[group.first.spec.model].add(group.first.spec.encoder)
    lines: dict[tuple[str, str], _Line] = {}
    for place, groups in sorted(shown.items()):
        for group in groups:
            # Two settings on one task are two rows; nothing says with which others they belong.
            apart = group.recipe if recipes[place, group.row_key] > 1 else ""
            spec = group.first.spec
            notes = list(group.row_notes())
            notes += [f"encoder {spec.encoder[:8]}"] if len(encoders[spec.model]) > 1 else []
            notes += [f"recipe {apart}"] if apart else []
            if same[place, group.row_key, group.recipe] > 1:
                # Seeds of one recipe that are not ranked for different reasons are two rows.
                reasons = group.first.unranked_because
                notes += [", ".join(reasons)] if reasons else []
                apart += sha256_json(sorted(reasons))[:8]
            row = Row("measured", model_name(group.first), (), spec.model, notes=tuple(notes),
                      key=group.row_key + apart)  # fmt: skip
            line = lines.setdefault((group.row_key, apart), _Line(row))
            for key in draft.keys:
                if (key.task, key.data_key) == place:
                    entry = measured_entry(group, key.metric)
                    line.entries[key] = replace(entry, cell=_held_against(draft, group, key, entry))
    return list(lines.values())


def _mark_fewer_seeds(keys: Iterable[Key], lines: Sequence[_Line]) -> None:
    """Marks ranked cells with fewer seeds than another of their column: of all that it has."""
    for key in keys:
        cells = {n: line.entries[key].cell for n, line in enumerate(lines) if key in line.entries}
        ranked = {n: cell for n, cell in cells.items() if cell.value is not None}
        most = max((cell.n or 0 for cell in ranked.values()), default=0)
        for n, cell in ranked.items():
            if (cell.n or 0) < most:
                marks = tuple(mark for mark in MARKS if mark in {*cell.marks, INCOMPLETE})
                expected = max(cell.expected or 0, most)
                entry = lines[n].entries[key]
                lines[n].entries[key] = replace(
                    entry, cell=replace(cell, marks=marks, expected=expected)
                )


def _held_against(draft: Draft, group: Group, key: Key, entry: Entry) -> Cell:
    """The cell with what was published for the same thing, and a mark where it differs."""
    cell, spec = entry.cell, group.first.spec
    own = model_name(group.first) == spec.model  # its own weights, its protocol's preprocessing
    if not (draft.ranked and own and cell.value is not None):
        return cell
    found = references(draft.all_quotes, spec.model, key.task, key.metric, spec.protocol)
    spreads = [(each, each.sd if each.sd is not None else cell.sd) for each in found]
    known = [abs(cell.value - each.value) > _SD * sd for each, sd in spreads if sd is not None]
    marks = {*cell.marks, *((DIFFERS,) if known and all(known) else ())}
    return replace(cell, references=found, marks=tuple(mark for mark in MARKS if mark in marks))


def _published(draft: Draft) -> list[_Line]:
    """A line for each method of each paper, from all its tables that have a column here."""
    # Where a task stands on several states of its data, quotes have a column of their own.
    last = sorted(draft.keys, key=lambda key: not key.data_key)
    keys = {(key.task, key.metric): key for key in last}
    lines: dict[tuple[object, ...], tuple[_Line, list[Quote]]] = {}
    for quote in draft.quotes:
        entries = {}
        for entry in quote.entries:
            key = keys.get((entry.task or entry.group, entry.metric or entry.printed_as))
            if key is not None and entry.cell.value is not None:
                entries[key] = entry
        if not entries:
            continue
        who: tuple[object, ...] = quote.who
        # A paper that prints two values for one thing has two lines.
        while who in lines and _contradict(lines[who][0].entries, entries):
            who = (*who, quote.table.table)
        row = Row("published", quote.row.method, (), quote.row.model)
        line, quotes = lines.setdefault(who, (_Line(row), []))
        for key, entry in entries.items():
            line.entries[key] = _said_again(line.entries.get(key), entry)
        quotes.append(quote)
    for line, quotes in lines.values():
        line.row = replace(line.row, source=source_of(quotes))
    return [line for line, _ in lines.values()]


def _said_again(one: Entry | None, other: Entry) -> Entry:
    """A value that a paper prints once more, with both places."""
    if one is None:
        return other
    both = (*one.cell.references, *other.cell.references)
    return replace(one, cell=replace(one.cell, references=both))


def _contradict(one: Mapping[Key, Entry], other: Mapping[Key, Entry]) -> bool:
    shared = one.keys() & other.keys()
    return any(
        (one[key].cell.value, one[key].cell.sd) != (other[key].cell.value, other[key].cell.sd)
        for key in shared
    )


def _row(draft: Draft, line: _Line) -> Row:
    cells = tuple(line.entries[k].cell if k in line.entries else EMPTY for k in draft.keys)
    return replace(line.row, cells=cells)


def _ranked_rows(draft: Draft, columns: Sequence[Column], lines: Sequence[_Line]) -> list[Row]:
    """The measured rows, best first, with their ranks where runs are ranked."""
    rows = sorted((_row(draft, line) for line in lines), key=lambda r: (r.name, r.notes, r.key))
    by_column = [
        places([row.cells[n].value for row in rows], higher_is_better=column.higher_is_better)
        for n, column in enumerate(columns)
    ]
    overall = row_places(by_column, len(rows))
    made = []
    for index, row in enumerate(rows):
        cells = tuple(
            replace(cell, rank=ranks[index], rivals=sum(rank is not None for rank in ranks))
            if draft.ranked
            else cell
            for cell, ranks in zip(row.cells, by_column, strict=True)
        )
        notes = _joined_notes(draft.keys, row)
        rank = overall[index] if draft.ranked else None
        made.append((overall[index], replace(row, cells=cells, rank=rank, notes=notes)))
    made.sort(key=lambda pair: (pair[0] is None, pair[0] or 0))
    return [row for _, row in made]


def _joined_notes(keys: Sequence[Key], row: Row) -> tuple[str, ...]:
    """The notes of a row and those of its cells; where not all tasks have one, with the tasks."""
    filled = [(key.task, cell) for key, cell in zip(keys, row.cells, strict=True)
              if cell.run_ids]  # fmt: skip
    tasks = list(dict.fromkeys(task for task, _ in filled))
    told: dict[str, list[str]] = {}
    for task, cell in filled:
        for note in cell.notes:
            where = told.setdefault(note, [])
            where += [task] if task not in where else []
    notes = [note if len(where) == len(tasks) else f"{note}: {', '.join(where)}"
             for note, where in told.items()]  # fmt: skip
    return (*row.notes, *notes)


def _floor(groups: Iterable[Group], metric: str) -> float | None:
    """The floor of a metric, from the first record that has one."""
    values = (record.floors.get(metric) for group in groups for record in group.done)
    return next((value for value in values if value is not None), None)
