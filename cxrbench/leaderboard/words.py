"""Numbers and lines in words, the same in every format that is text."""

from __future__ import annotations

from collections.abc import Iterable

from cxrbench.leaderboard.board import MARKS, Board, Cell, Column, Footer, Row, Table
from cxrbench.leaderboard.tables import MISSING
from cxrbench.leaderboard.units import FRACTION, number
from cxrbench.results.record import Record

FAILED = "failed"
RULE = "published, not ranked"
READING = (
    "A number is the mean ± sample standard deviation over seeds (number of seeds); one seed has "
    "no ±. Measured rows are ranked by the mean of their places in the columns, where a missing "
    "number counts as one place behind the last; equal means share a place. The best number of a "
    "column is bold, the second underlined, among measured and ranked ones alone. The floor is the "
    "best predictor that gives every sample the same output.",
    "Rows in italics are quoted from papers and never ranked. They stand below measured numbers of "
    "the same task, metric id and protocol; a number of another definition has a column or a table "
    "of its own. – stands where a task does not apply to a model or was not run.",
)
"""How to read the tables, in paragraphs."""


def cell_words(cell: Cell, column: Column) -> str:
    """`81.2 ± 0.3 (3)`, without its footnote marks; the unit is told by the column."""
    if cell.value is None:
        return FAILED if cell.failed else MISSING
    parts = [number(cell.value, column.unit, cell.digits)]
    if cell.sd is not None:
        parts.append(f"± {number(cell.sd, column.unit, cell.digits)}")
    if cell.n is not None:
        missing = cell.expected is not None and cell.expected != cell.n
        parts.append(f"({cell.n}/{cell.expected})" if missing else f"({cell.n})")
    return " ".join(parts)


def interval_words(cell: Cell, column: Column) -> str:
    """`80.1 to 82.3`; empty where there is no interval."""
    if cell.ci95 is None:
        return ""
    return " to ".join(number(bound, column.unit) for bound in cell.ci95)


def row_words(row: Row) -> str:
    """What stands in the last column: what sets runs apart, or where a quoted row is from."""
    if row.source is None:
        return "; ".join(row.notes)
    source = row.source
    where = f"{source.paper}, {source.table} ({source.origin})"
    return "; ".join(filter(None, (source.venue, where)))


def unit_words(tables: Iterable[Table]) -> str:
    """In what the numbers are."""
    units = {column.unit for table in tables for column in table.columns}
    return "All numbers are in %." if units <= {FRACTION} else (
        "Numbers are in % where no unit stands."
    )  # fmt: skip


def used_marks(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """The footnote marks that stand in tables, and what they say."""
    seen = {mark for table in tables for row in table.rows for cell in row.cells
            for mark in cell.marks}  # fmt: skip
    return [(mark, text) for mark, text in MARKS.items() if mark in seen]


def footer_words(footer: Footer) -> str:
    """Records, dates, commits and the command, in a line."""
    if not footer.records:
        return "No record stands on this page yet."
    count = "1 record" if footer.records == 1 else f"{footer.records:,} records"
    period = footer.oldest
    period += f" to {footer.newest}" if footer.newest != footer.oldest else ""
    code = f" at {', '.join(footer.commits)}" if footer.commits else ""
    return f"{count}, {period}, measured with cxrbench{code}."


def failure_words(record: Record) -> str:
    """Why a run failed: the type alone, since a message may name folders."""
    return record.error.type if record.error is not None else "not told"


def run_words(table: Table, board: Board) -> str:
    """The command that adds a model to a table of measured rows; empty for others."""
    records = [board.runs[run_id] for row in table.measured for cell in row.cells
               for run_id in cell.run_ids]  # fmt: skip
    if not records or table.protocol is None:
        return ""
    tasks = list(dict.fromkeys(column.task for column in table.columns
                               if column.task and column.data_key))  # fmt: skip
    seeds = max(len(cell.run_ids) for row in table.measured for cell in row.cells)
    phantom = all(record.dataset.kind == "phantom" for record in records)
    parts = ["cxrbench run --model MODEL --task", ",".join(tasks), "--protocol", table.protocol]
    parts += [f"--seeds {seeds}"] if seeds > 1 else []
    return " ".join([*parts, *(["--demo"] if phantom else [])])
