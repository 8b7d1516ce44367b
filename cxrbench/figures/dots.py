"""The main metric of all tasks of a protocol: a row for each task, a mark for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cxrbench.figures.lines import Line
from cxrbench.figures.overview import Spoke, models_and_spokes, parts
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.units import FRACTION, scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CAPTION = (
    "Mean of the main metric over seeds, with ± one sample standard deviation where there are "
    "several. A grey tick is the best predictor that gives every sample the same output. Values "
    "of one row can be compared; rows have metrics of their own."
)
_ROW, _STEP = 0.2, 0.075


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each protocol with at least two tasks."""
    for groups in parts(scope, least=2):
        first = groups[0].first
        yield Sheet(
            kind="dots",
            name=slug("dots", first.spec.protocol),
            heading=f"All tasks under {first.spec.protocol}: main metric",
            caption=_CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, groups),
        )


def _draw(groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import floor_key, key
    from cxrbench.plotting import legend_below, new_figure

    models, spokes = models_and_spokes(groups)
    units = list(dict.fromkeys(spoke.measure.unit for spoke in spokes))
    panels = [[spoke for spoke in spokes if spoke.measure.unit == unit] for unit in units]
    step = _ROW + max(2, len(models)) * _STEP
    height = sum(len(panel) * step + 0.7 for panel in panels) + 0.17 * len(lines) + 0.2
    figure = new_figure(lines, 7.0, height)
    grid = figure.subplots(
        len(panels), 1, squeeze=False, height_ratios=[len(panel) + 0.5 for panel in panels]
    )
    for axes, panel, unit in zip(grid[:, 0], panels, units, strict=True):
        _panel(axes, panel, models, unit)
    keys = [key(number, model.name) for number, model in enumerate(models)]
    for line in keys:
        line.set_linestyle("none")
    if any(spoke.floor is not None for spoke in spokes):
        keys.append(floor_key("-", "#777777"))
    legend_below(figure, keys)
    return figure


def _panel(axes: Axes, spokes: Sequence[Spoke], models: Sequence[Line], unit: str) -> None:
    from cxrbench.figures.strokes import stroke
    from cxrbench.plotting import FAINT, plain_axes

    factor = scale(unit)
    spread = 0.72 / max(1, len(models))
    for row, spoke in enumerate(spokes):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4" if row % 2 else "white", zorder=0)
        if spoke.floor is not None:
            axes.plot([spoke.floor * factor] * 2, [row - 0.4, row + 0.4], color="#777777",
                      linewidth=1.6, gid="floor", zorder=1)  # fmt: skip
        for number, model in enumerate(models):
            cell = model.cell(spoke.place, spoke.measure.id)
            if cell.value is None:
                continue
            look = stroke(number)
            y = row + (number - (len(models) - 1) / 2) * spread
            axes.errorbar([cell.value * factor], [y],
                          xerr=None if cell.sd is None else [cell.sd * factor],
                          fmt=look["marker"], color=look["color"], markersize=4.2, elinewidth=0.8,
                          capsize=1.5, zorder=3)  # fmt: skip
    metrics = {spoke.measure.words for spoke in spokes}
    told = [s.name if len(metrics) == 1 else f"{s.name}\n{_named(s)}" for s in spokes]
    axes.set_yticks(range(len(spokes)), told, linespacing=1.15)
    axes.set_ylim(len(spokes) - 0.5, -0.5)
    axes.set_xlabel(next(iter(metrics)) if len(metrics) == 1
                    else "%" if unit == FRACTION else unit, fontsize=8)  # fmt: skip
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    plain_axes(axes)
    axes.tick_params(axis="y", length=0, labelsize=6.5)


def _named(spoke: Spoke) -> str:
    return spoke.measure.id + ("" if spoke.measure.higher_is_better else " ↓")
