"""From records and papers to the board, a pure function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from cxrbench.leaderboard.board import Best, Board, Family, Footer, Row, Table
from cxrbench.leaderboard.family import FamilyInput, family_tables
from cxrbench.leaderboard.groups import groups_of
from cxrbench.leaderboard.layout import FamilyLayout, Layout, read_layout
from cxrbench.leaderboard.published import Paper
from cxrbench.leaderboard.quotes import quotes_of
from cxrbench.results.record import Record

COMMAND = "cxrbench leaderboard"


def board(
    records: Iterable[Record],
    papers: Iterable[Paper] = (),
    layout: Layout | None = None,
    *,
    unranked: bool = False,
    command: str = COMMAND,
) -> Board:
    """Everything that the pages show.

    Args:
        records: In any order; of each run id one (see `cxrbench.leaderboard.collect`).
        papers: Published numbers.
        layout: What stands where; the one that comes with cxrbench if None.
        unranked: Whether to include records that are never ranked.
        command: What makes the pages again, for their end.

    Raises:
        MixedError: When numbers that were made in different ways would stand in one column.
    """
    layout = layout or read_layout()
    known = sorted(records, key=lambda record: record.run_id)
    shown = [record for record in known if unranked or not record.unranked_because]
    quotes = quotes_of(papers)
    by_family: dict[str, list[Record]] = defaultdict(list)
    for record in shown:
        by_family[layout.family_of(record.task_type) or record.task_type].append(record)
    pages = dict(layout.families)
    for name in sorted({*by_family, *(quote.table.family for quote in quotes)} - set(pages)):
        pages[name] = FamilyLayout(title=name.replace("-", " ").capitalize(), together=True)
    families = []
    for name, page in pages.items():
        given = FamilyInput(
            id=name,
            page=page,
            layout=layout,
            groups=groups_of(by_family[name]),
            quotes=[quote for quote in quotes if quote.table.family == name],
            all_groups=groups_of(record for record in shown if not record.unranked_because),
            all_quotes=quotes,
        )
        tables, details = family_tables(given)
        if tables:
            families.append(_family(name, page.title, tables, details, by_family[name], command))
    return Board(
        families=tuple(families),
        runs={record.run_id: record for record in shown},
        failed=tuple(record.run_id for record in shown if record.status == "failed"),
        hidden=len(known) - len(shown),
        unranked=unranked,
        best=tuple(_best(families)),
        footer=footer(shown, command),
    )


def _family(
    name: str, title: str, tables: tuple[Table, ...], details: tuple[Table, ...],
    records: Sequence[Record], command: str,
) -> Family:  # fmt: skip
    return Family(
        id=name,
        title=title,
        tables=tables,
        details=details,
        records=len(records),
        failed=tuple(record.run_id for record in records if record.status == "failed"),
        datasets=tuple(sorted({r.dataset.name for r in records if r.status == "ok"})),
        footer=footer(records, command),
    )


def footer(records: Sequence[Record], command: str = COMMAND) -> Footer:
    """What ends a page on which these records stand."""
    dates = sorted(record.provenance.created[:10] for record in records)
    commits = {str(record.provenance.git.get("commit", ""))[:12] for record in records} - {""}
    return Footer(
        records=len(records),
        oldest=dates[0] if dates else "",
        newest=dates[-1] if dates else "",
        commits=tuple(sorted(commits)),
        command=command,
    )


def _best(families: Iterable[Family]) -> Iterable[Best]:
    """The first places of the main metrics, once for each task and protocol."""
    for family in families:
        for table in family.tables:
            for place, column in enumerate(table.columns):
                if table.ranked and column.main and column.data_key:
                    yield from _first(family.id, table, place)


def _first(family: str, table: Table, place: int) -> Iterable[Best]:
    cells = [(_told_apart(row, table), row.cells[place]) for row in table.measured]
    first = tuple(pair for pair in cells if pair[1].rank == 1)
    second = next((pair for pair in cells if pair[1].rank == 2), None)
    if first and not table.id.startswith(f"{family}-as-printed-"):
        yield Best(family, table.id, table.columns[place], first, second)


def _told_apart(row: Row, table: Table) -> str:
    """The name of a row, with what sets it apart from others of its name."""
    others = [other for other in table.measured if other.name == row.name and other is not row]
    notes = [note for note in row.notes if any(note not in other.notes for other in others)]
    return f"{row.name} ({'; '.join(notes)})" if notes else row.name
