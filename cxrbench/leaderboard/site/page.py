"""The page: everything on the board in one HTML file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cxrbench.leaderboard.board import Board
from cxrbench.leaderboard.site.assets import data_block, environment, policy, script, style
from cxrbench.leaderboard.site.behind import Behind
from cxrbench.leaderboard.site.heat import LEVELS, heat_maps
from cxrbench.leaderboard.site.tables import Sheet, sheet
from cxrbench.leaderboard.words import (
    READING,
    failure_words,
    footer_words,
    unit_words,
    used_marks,
)

PAGE = "site/index.html"


@dataclass(frozen=True)
class Part:
    """A family of tasks.

    Attributes:
        id: Anchor.
        title: Heading.
        sheets: Its tables.
        details: All metrics, a table for each task, protocol and state of the data.
        failed: Runs that failed, and why in a word.
    """

    id: str
    title: str
    sheets: tuple[Sheet, ...]
    details: tuple[Sheet, ...]
    failed: list[tuple[str, str]]


def pages(board: Board) -> dict[str, str]:
    """The file of the page, below the folder of the leaderboards, and its text.

    Equal boards give the same bytes.
    """
    behind = Behind(board.runs, board.figures)
    parts = [
        Part(
            id=family.id,
            title=family.title,
            sheets=tuple(sheet(board, family, table, behind) for table in family.tables),
            details=tuple(sheet(board, family, table, behind) for table in family.details),
            failed=[(run_id, failure_words(board.runs[run_id])) for run_id in family.failed],
        )
        for family in board.families
    ]
    maps = heat_maps(board, behind)
    sheets = [each for part in parts for each in (*part.sheets, *part.details)]
    tables = [table for family in board.families for table in (*family.tables, *family.details)]
    page = environment().get_template("page.html")
    text = page.render(
        policy=policy(),
        style=style(),
        script=script(),
        data=data_block(behind.payload()),
        board=board,
        parts=parts,
        maps=maps,
        levels=LEVELS,
        protocols=sorted({each.protocol for each in sheets if each.protocol}),
        marks=used_marks(tables),
        footer=footer_words(board.footer),
        reading=READING,
        units=unit_words(tables),
        unranked=_unranked(board),
    )
    return {PAGE: text}


def _unranked(board: Board) -> tuple[str, str] | None:
    """How many records are not ranked and why, in words, loud ones first; None without any."""
    reasons = Counter(reason for r in board.runs.values() for reason in r.unranked_because)
    count = sum(bool(record.unranked_because) for record in board.runs.values())
    if not count:
        return None
    listed = ", ".join(f"{reason} ({n})" for reason, n in sorted(reasons.items()))
    start = "Not a ranking." if count == len(board.runs) else "Not all of this is ranked."
    return start, f"{count} of {len(board.runs)} records are not ranked: {listed}."
