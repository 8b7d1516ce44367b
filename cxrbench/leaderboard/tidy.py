"""All numbers in one CSV file: a line for each number, at full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from cxrbench.leaderboard.board import Board, Cell, Column, Family, Row, Table

FILE = "leaderboard.csv"
COLUMNS = (
    "kind", "family", "task", "dataset", "data", "protocol", "metric", "unit", "higher_is_better",
    "main_metric", "model", "name", "ranked", "rank", "value", "sd", "seeds", "seeds_expected",
    "ci95_low", "ci95_high", "failed", "marks", "notes", "run_ids", "paper", "paper_table",
    "origin", "venue", "printed_as", "url",
)  # fmt: skip


def pages(board: Board) -> dict[str, str]:
    """File name to content. Equal boards give the same bytes.

    Measured numbers and floors are those of all metrics, published ones those of all papers.
    Values are in the unit of their metric: fractions are 0..1, never percent.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    seen = set()
    for family in board.families:
        for line in _lines(family):
            key = tuple(line.values())
            # What a paper prints twice, on a page of its own and below others, is one number.
            if key not in seen:
                seen.add(key)
                writer.writerow(line)
    return {FILE: out.getvalue()}


def _lines(family: Family) -> Iterator[dict[str, str]]:
    for table in family.details:
        yield from _of(family, table, {"measured", "floor"})
    for table in family.tables:
        yield from _of(family, table, {"published"})


def _of(family: Family, table: Table, kinds: set[str]) -> Iterator[dict[str, str]]:
    for row in table.rows:
        for cell, column in zip(row.cells, table.columns, strict=True):
            if row.kind in kinds and (cell.value is not None or cell.run_ids):
                yield _line(family, table, row, cell, column)


def _line(family: Family, table: Table, row: Row, cell: Cell, column: Column) -> dict[str, str]:
    low, high = cell.ci95 or (None, None)
    source = row.source
    values: dict[str, object] = {
        "kind": row.kind,
        "family": family.id,
        "task": column.task or column.group,
        "dataset": column.dataset,
        "data": column.data,
        "protocol": column.protocol,
        "metric": column.metric,
        "unit": column.unit,
        "higher_is_better": column.higher_is_better,
        "main_metric": column.main,
        "model": row.model,
        "name": row.name,
        "ranked": table.ranked and row.kind == "measured",
        "rank": cell.rank,
        "value": cell.value,
        "sd": cell.sd,
        "seeds": cell.n,
        "seeds_expected": cell.expected,
        "ci95_low": low,
        "ci95_high": high,
        "failed": cell.failed,
        "marks": "".join(cell.marks),
        "notes": "; ".join(row.notes),
        "run_ids": " ".join(cell.run_ids),
        "paper": source.paper if source else "",
        "paper_table": _where(cell, source.paper) if source else "",
        "origin": source.origin if source else "",
        "venue": source.venue if source else "",
        "printed_as": column.printed_as if row.kind == "published" else "",
        "url": source.url if source else "",
    }
    return {name: _text(values[name]) for name in COLUMNS}


def _where(cell: Cell, paper: str) -> str:
    """The table that a published number is from."""
    return "; ".join(each.source.removeprefix(f"{paper}, ") for each in cell.references)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
