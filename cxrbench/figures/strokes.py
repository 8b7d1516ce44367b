"""How models are told apart where they are curves: by colour, by marker and by line."""

from __future__ import annotations

from typing import Literal, TypedDict

from matplotlib.lines import Line2D

from cxrbench.leaderboard.tables import FLOOR
from cxrbench.plotting import COLOURS, MARKERS

LineStyle = Literal["-", "--", ":", "-."]
_LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")


class Stroke(TypedDict):
    """What `Axes.plot` takes."""

    color: str
    marker: str
    linestyle: LineStyle


def stroke(number: int) -> Stroke:
    """Of the model of that number; the first 28 have no two colours and lines in common."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": _LINES[number // len(COLOURS) % len(_LINES)],
    }


def floor_key(style: LineStyle = "--", colour: str = "black") -> Line2D:
    """The line of the legend for the best constant predictor."""
    return Line2D([], [], color=colour, linestyle=style, linewidth=0.9, label=FLOOR)


def key(number: int, label: str) -> Line2D:
    """The line of the legend."""
    return Line2D([], [], markersize=4, linewidth=1.2, label=label, **stroke(number))
