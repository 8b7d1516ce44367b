"""Pages in Markdown: one for each family of tasks, an index, and the details by data set."""

from __future__ import annotations

from cxrbench.leaderboard.board import Board, Cell, Column, Family, Row, Table
from cxrbench.leaderboard.details import detail_pages
from cxrbench.leaderboard.headings import flat
from cxrbench.leaderboard.index import INDEX, index_page
from cxrbench.leaderboard.markdown_parts import NOTICE, literal, table
from cxrbench.leaderboard.tables import MISSING
from cxrbench.leaderboard.words import (
    READING,
    RULE,
    cell_words,
    failure_words,
    footer_words,
    row_words,
    run_words,
    unit_words,
    used_marks,
)

_LINE = "———"


def pages(board: Board) -> dict[str, str]:
    """File name to content. Equal boards give the same bytes."""
    found = {f"{family.id}.md": _page(board, family) for family in board.families}
    found |= detail_pages(board.runs.values(), board.footer.command)
    found[INDEX] = index_page(board)
    return found


def _page(board: Board, family: Family) -> str:
    parts = [NOTICE, f"# {family.title}"]
    parts.append(f"{unit_words(family.tables)} [How to read the tables](#how-to-read-the-tables). "
                 f"[All pages]({INDEX}).")  # fmt: skip
    if not any(table.ranked for table in family.tables):
        parts.append("No run on the official split with trained weights yet.")
    parts += [_section(board, each) for each in family.tables]
    if family.failed:
        lines = [f"- `{run_id}`: {failure_words(board.runs[run_id])}" for run_id in family.failed]
        parts.append("## Failed runs\n\n" + "\n".join(lines))
    parts += ["## How to read the tables", *READING]
    if marks := used_marks(family.tables):
        parts.append("\n".join(f"- {mark} {text}" for mark, text in marks))
    if family.datasets:
        links = ", ".join(f"[{literal(name)}](details/{name}.md)" for name in family.datasets)
        parts.append(f"All metrics, 95 % intervals and values by label: {links}.")
    parts.append(f"---\n\n{footer_words(family.footer)} Made by `{family.footer.command}`.")
    return "\n\n".join(parts) + "\n"


def _section(board: Board, found: Table) -> str:
    title, columns = _headings(found)
    notes = [row_words(row) for row in found.rows]
    told = any(notes)
    lead = ["rank", "model"] if found.ranked else ["model"]
    rows = []
    for row, note in zip(found.rows, notes, strict=True):
        if row is next(iter(found.published), None) and (found.measured or found.floors):
            rule = [_LINE] * (len(found.columns) + told)
            rows.append([*([""] if found.ranked else []), f"{_LINE} {RULE} {_LINE}", *rule])
        rows.append(_row(found, row, literal(note) if told else None))
    parts = [f'<a id="{found.id}"></a>', f"## {title}"]
    parts.append(table([*lead, *columns, *(["notes"] if told else [])], rows))
    parts += [" ".join(found.notes)] if found.notes else []
    if command := run_words(found, board):
        parts.append(f"To add a model: `{command}`")
    return "\n\n".join(parts)


def _headings(found: Table) -> tuple[str, list[str]]:
    """The title and those of the columns; what is the same in all of these goes to the title."""
    groups = {column.group for column in found.columns}
    group = next(iter(groups)) if len(groups) == 1 and len(found.columns) > 1 else ""
    if not group or not all(column.label for column in found.columns):
        return literal(found.title), [literal(flat(column)) for column in found.columns]
    # The title of a printed table says what its data is.
    named = f"{found.title}, {group}" if found.title.startswith(found.protocol or ":") else (
        found.title
    )  # fmt: skip
    return literal(named), [literal(column.label) for column in found.columns]


def _row(found: Table, row: Row, note: str | None) -> list[str]:
    name = literal(row.name)
    cells = [_cell(row, cell, column)
             for cell, column in zip(row.cells, found.columns, strict=True)]  # fmt: skip
    rank = ["" if row.rank is None else str(row.rank)] if found.ranked else []
    shown = name if row.kind == "measured" else f"*{name}*"
    return [*rank, shown, *cells, *([] if note is None else [note])]


def _cell(row: Row, cell: Cell, column: Column) -> str:
    text = cell_words(cell, column)
    marks = "".join(cell.marks)
    if row.kind == "floor":
        return "" if cell.value is None else text
    if row.kind == "published":
        return MISSING if cell.value is None else f"*{text}*{marks}"
    if cell.best:
        text = f"**{text}**"
    elif cell.second:
        text = f"<ins>{text}</ins>"  # GitHub drops <u>
    return f"{text}{marks}"
