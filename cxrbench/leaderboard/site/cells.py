"""Numbers as the tables of the page show them."""

from __future__ import annotations

from dataclasses import dataclass

from cxrbench.leaderboard.board import Cell, Column
from cxrbench.leaderboard.words import cell_words, interval_words


@dataclass(frozen=True)
class Shown:
    """One number.

    Attributes:
        id: Of the dialog behind it; empty where there is none.
        text: The mean, `failed`, or a dash.
        rest: `± 0.3 (3)`: the spread over seeds and how many they are; empty where not told.
        marks: Footnote marks.
        interval: `80.1 to 82.3`; empty where there is none.
        value: What it is sorted by, at full precision; empty where there is none.
        place: `best`, `second` or empty.
    """

    id: str
    text: str
    rest: str
    marks: str
    interval: str
    value: str
    place: str


def shown(column: Column, cell: Cell, id_: str = "") -> Shown:
    """A cell in words; the unit is told by its column."""
    text, _, rest = cell_words(cell, column).partition(" ")
    return Shown(
        id=id_,
        text=text,
        rest=rest,
        marks="".join(cell.marks),
        interval=interval_words(cell, column),
        value="" if cell.value is None else repr(float(cell.value)),
        place="best" if cell.best else "second" if cell.second else "",
    )
