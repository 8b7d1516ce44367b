"""Published rows, column by column: which go below which measured numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrbench.leaderboard.board import OTHER_SPLIT, Reference, Source
from cxrbench.leaderboard.columns import Entry, published_entry
from cxrbench.leaderboard.published import Paper, PublishedRow, PublishedTable


@dataclass(frozen=True)
class Quote:
    """One row of one printed table.

    Attributes:
        paper: The paper.
        table: The table.
        row: The row.
        entries: One for each column of the table.
    """

    paper: Paper
    table: PublishedTable
    row: PublishedRow
    entries: tuple[Entry, ...]

    @property
    def who(self) -> tuple[str, str, str, str | None]:
        """Equal for rows of one method by one measurer, in whatever tables of a paper."""
        return self.paper.id, self.row.method, self.origin, self.row.model

    @property
    def origin(self) -> str:
        """Who measured it."""
        return self.row.origin or self.table.origin


def quotes_of(papers: Iterable[Paper]) -> list[Quote]:
    """All rows of all papers, in their order."""
    return [
        Quote(
            paper,
            table,
            row,
            tuple(published_entry(paper, table, row, n) for n in range(len(table.columns))),
        )
        for paper in sorted(papers, key=lambda paper: paper.id)
        for table in paper.tables
        for row in table.rows
    ]


def source_of(quotes: Sequence[Quote]) -> Source:
    """Where a line made of rows of several tables of one paper is from."""
    first = quotes[0]
    where = dict.fromkeys(quote.table.where for quote in quotes)
    venue = next((quote.row.venue for quote in quotes if quote.row.venue), "")
    return Source(first.paper.cited, first.paper.url, "; ".join(where), first.origin, venue)


def references(
    quotes: Iterable[Quote], model: str, task: str, metric: str, protocol: str
) -> tuple[Reference, ...]:
    """What was published for a model, task, metric id and protocol; each value once.

    Values of another split than that of the task are left out: nothing can be held against them.
    """
    found: dict[tuple[float, float | None], Reference] = {}
    for quote in quotes:
        if quote.row.model != model or quote.table.protocol != protocol:
            continue
        for entry in quote.entries:
            cell = entry.cell
            if (entry.task, entry.metric) == (task, metric) and OTHER_SPLIT not in cell.marks:
                for each in cell.references:
                    found.setdefault((each.value, each.sd), each)
    return tuple(found.values())
