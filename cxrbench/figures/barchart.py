"""Horizontal bars, a row for each model: names of any length have room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cxrbench.figures.lines import Measure
from cxrbench.figures.strokes import floor_key
from cxrbench.leaderboard.board import Cell
from cxrbench.leaderboard.units import FRACTION, scale
from cxrbench.plotting import COLOURS, FAINT, HATCHES, legend_below, new_figure, plain_axes

_BAR, _GAP, _LEAST_ROW = 0.17, 0.13, 0.3
_PANEL, _AROUND = 2.7, 0.8
_LEAST_WIDTH = 5.6
_NAME_WIDTH = 30
_LETTER = 0.062
_ROOM_FOR_TEXT = 1.5
_FULL = 100.0


@dataclass(frozen=True)
class Series:
    """One bar in every row.

    Attributes:
        name: In the legend.
        measure: What it is.
        cells: One for each row.
        floor: Of the best constant predictor; None where there is none.
        look: Number of its colour and hatch; the same name has the same one in all panels.
    """

    name: str
    measure: Measure
    cells: Sequence[Cell]
    floor: float | None
    look: int


@dataclass(frozen=True)
class Panel:
    """Bars that share an axis.

    Attributes:
        title: Over it.
        axis: Under it, with the unit.
        series: All of one unit, the first one on top.
    """

    title: str
    axis: str
    series: Sequence[Series]


def draw_bars(
    lines: Sequence[str], names: Sequence[str], panels: Sequence[Panel], columns: int = 3
) -> Figure:
    """A figure of panels, whose rows are named on the left.

    Args:
        lines: See `cxrbench.plotting.new_figure`.
        names: Of the rows, from top to bottom.
        panels: In reading order.
        columns: How many stand side by side at most.
    """
    most = max(len(panel.series) for panel in panels)
    step = max(_LEAST_ROW, most * _BAR + _GAP)
    told = [_wrapped(name) for name in names]
    step = max(step, 0.15 * max(name.count("\n") + 1 for name in told))
    columns = min(len(panels), columns)
    rows = ceil(len(panels) / columns)
    letters = max(len(part) for name in told for part in name.split("\n"))
    width = max(_LEAST_WIDTH, columns * _PANEL + letters * _LETTER + 0.4)
    height = rows * (len(names) * step + _AROUND) + 0.2 * (len(lines) + 1)
    figure = new_figure(lines, width, height)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.ravel()[len(panels) :]:
        axes.remove()
    share = most * _BAR / step
    for axes, panel in zip(grid.ravel(), panels, strict=False):
        _draw_panel(axes, panel, share)
        axes.set_yticks(range(len(names)), told)
        axes.set_ylim(len(names) - 0.5, -0.5)
        plain_axes(axes)
        axes.tick_params(axis="y", length=0)
    legend_below(figure, _keys(panels))
    return figure


def _draw_panel(axes: Axes, panel: Panel, share: float) -> None:
    thick = share / len(panel.series)
    factor = scale(panel.series[0].measure.unit)
    for number, series in enumerate(panel.series):
        offset = (number - (len(panel.series) - 1) / 2) * thick
        _draw_series(axes, series, offset, thick)
    floors = {series.floor for series in panel.series}
    for series in panel.series:
        if series.floor is not None:
            colour = "black" if len(floors) == 1 else _colour(series.look)
            axes.axvline(series.floor * factor, color=colour, linestyle="--", linewidth=0.9,
                         gid="floor", zorder=3)  # fmt: skip
        if len(floors) == 1:
            break
    axes.set_title(panel.title, fontsize=8)
    axes.set_xlabel(panel.axis, fontsize=7.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    _limit(axes, panel, factor)


def _draw_series(axes: Axes, series: Series, offset: float, thick: float) -> None:
    factor = scale(series.measure.unit)
    rows = [row for row, cell in enumerate(series.cells) if cell.value is not None]
    values = [(series.cells[row].value or 0.0) * factor for row in rows]
    spreads = [(series.cells[row].sd or 0.0) * factor for row in rows]
    axes.barh(
        [row + offset for row in rows], values, height=thick * 0.88, color=_colour(series.look),
        hatch=_hatch(series.look), edgecolor="white", linewidth=0, label=series.name, zorder=2,
    )  # fmt: skip
    for row, value, spread in zip(rows, values, spreads, strict=True):
        if series.cells[row].sd is not None:
            axes.errorbar([value], [row + offset], xerr=[spread], color="black", linewidth=0.9,
                          capsize=1.6, capthick=0.9, zorder=4)  # fmt: skip
    for row, cell in enumerate(series.cells):
        end = 0.0 if cell.value is None else cell.value * factor + (cell.sd or 0.0) * factor
        axes.annotate(
            series.measure.said(cell), (max(end, 0.0), row + offset), xytext=(3, 0),
            textcoords="offset points", va="center_baseline", fontsize=6, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
        )  # fmt: skip


def _limit(axes: Axes, panel: Panel, factor: float) -> None:
    """Bars begin at 0, and there is room for the numbers behind them."""
    ends = [(cell.value + (cell.sd or 0.0)) * factor
            for series in panel.series for cell in series.cells
            if cell.value is not None]  # fmt: skip
    floors = [s.floor * factor for s in panel.series if s.floor is not None]
    top = max([*ends, *floors], default=1.0) or 1.0
    low = min([0.0, *(end * 1.1 for end in ends)])
    axes.set_xlim(low, top * _ROOM_FOR_TEXT)
    if panel.series[0].measure.unit == FRACTION:
        axes.set_xticks([tick for tick in axes.get_xticks() if low <= tick <= _FULL])
        axes.set_xlim(low, top * _ROOM_FOR_TEXT)


def _keys(panels: Sequence[Panel]) -> list[Patch | Line2D]:
    longest = max(panels, key=lambda panel: len(panel.series))
    keys: list[Patch | Line2D] = []
    if len(longest.series) > 1:
        keys += [
            Patch(facecolor=_colour(s.look), hatch=_hatch(s.look), edgecolor="white", label=s.name)
            for s in longest.series
        ]
    if any(series.floor is not None for panel in panels for series in panel.series):
        keys.append(floor_key())
    return keys


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _hatch(number: int) -> str:
    return HATCHES[number % len(HATCHES)]


def _wrapped(name: str) -> str:
    """A name in lines, broken where it has a space, a slash, a dash or an underscore."""
    lines = [""]
    for part in re.findall(r"[^\s/_-]*[\s/_-]?", name):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > _NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)
