"""The main metric of all tasks of a protocol around a circle: on request alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from cxrbench.figures.overview import Spoke, models_and_spokes, parts
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.units import FRACTION, scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

_CAPTION = (
    "Mean of the main metric over seeds, from 0 in the middle to 100 % at the rim; metrics that "
    "are no fraction, or are good when low, are left out. A line is broken where a model was not "
    "run. Areas mean nothing: they depend on the order of the tasks."
)
_LEAST = 3


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each protocol with at least three tasks that have such a metric."""
    for groups in parts(scope, least=_LEAST):
        if len(_drawn(models_and_spokes(groups)[1])) < _LEAST:
            continue
        protocol = groups[0].first.spec.protocol
        yield Sheet(
            kind="radar",
            name=slug("radar", protocol),
            heading=f"All tasks under {protocol}: main metric (%)",
            caption=_CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, groups),
        )


def _drawn(spokes: Sequence[Spoke]) -> list[Spoke]:
    return [s for s in spokes if s.measure.unit == FRACTION and s.measure.higher_is_better]


def _draw(groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import key, stroke
    from cxrbench.plotting import FAINT, legend_below, new_figure

    models, every = models_and_spokes(groups)
    spokes = _drawn(every)
    figure = new_figure(lines, 6.4, 5.4 + 0.17 * len(lines))
    axes = cast("PolarAxes", figure.subplots(subplot_kw={"projection": "polar"}))
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = [2 * math.pi * n / len(spokes) for n in range(len(spokes))]
    for number, model in enumerate(models):
        cells = [model.cell(spoke.place, spoke.measure.id) for spoke in spokes]
        values = [float("nan") if cell.value is None else cell.value * scale(FRACTION)
                  for cell in cells]  # fmt: skip
        axes.plot([*angles, angles[0]], [*values, values[0]], linewidth=1.2, markersize=3.5,
                  gid=model.name, **stroke(number))  # fmt: skip
    axes.set_xticks(angles, [f"{s.name}\n{s.measure.id}" for s in spokes], fontsize=6.5)
    for label, angle in zip(axes.get_xticklabels(), angles, strict=True):
        side = math.sin(angle)
        label.set_horizontalalignment("center" if abs(side) < 0.1 else "left" if side > 0
                                      else "right")  # fmt: skip
    axes.tick_params(axis="x", pad=2)
    axes.set_ylim(0, 100)
    axes.set_yticks([25, 50, 75, 100], ["25", "50", "75", "100 %"], fontsize=6)
    axes.set_rlabel_position(180 / len(spokes))
    axes.grid(color=FAINT, linewidth=0.6)
    legend_below(figure, [key(number, model.name) for number, model in enumerate(models)])
    return figure
