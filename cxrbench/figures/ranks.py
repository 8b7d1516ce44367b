"""Places over the tasks of a protocol, a line for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

from cxrbench.figures.overview import models_and_spokes, parts, places_in
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTION = (
    "Place of each model by the mean of the main metric over seeds; equal means share a place and "
    "are drawn side by side. A line is broken where a model was not run. In the legend the mean of "
    "its places, over its tasks alone, in their order. Places do not tell how far apart models "
    "are, nor whether they differ beyond chance."
)
_SIDE_BY_SIDE = 0.11


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each protocol with two ranked models on two tasks; others have no place."""
    for groups in parts(scope, least=2):
        ranked = [group for group in groups if not group.first.unranked_because]
        models, spokes = models_and_spokes(ranked)
        contested = [s for s in spokes
                     if sum(p is not None for p in places_in(s, models)) > 1]  # fmt: skip
        if len(contested) < 2:
            continue
        protocol = groups[0].first.spec.protocol
        yield Sheet(
            kind="ranks",
            name=slug("ranks", protocol),
            heading=f"Places in all tasks under {protocol}, by the main metric",
            caption=_CAPTION,
            groups=tuple(ranked),
            draw=partial(_draw, ranked),
        )


def _draw(groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import key, stroke
    from cxrbench.plotting import FAINT, legend_below, new_figure, plain_axes

    models, spokes = models_and_spokes(groups)
    columns = [places_in(spoke, models) for spoke in spokes]
    last = max(p for column in columns for p in column if p is not None)
    longest = max(len(spoke.name) for spoke in spokes)
    figure = new_figure(lines, max(4.5, 1.4 + 0.62 * len(spokes)),
                        1.0 + 0.3 * last + 0.05 * longest + 0.17 * len(lines))  # fmt: skip
    axes = figure.subplots()
    order = sorted(range(len(models)), key=lambda n: (_mean(columns, n), models[n].name))
    keys = []
    for number in range(len(models)):
        x, y = [], []
        for place, column in enumerate(columns):
            own = column[number]
            tied = [n for n in range(len(models)) if column[n] == own]
            side = (tied.index(number) - (len(tied) - 1) / 2) * _SIDE_BY_SIDE
            x.append(place + (side if own is not None else 0.0))
            y.append(float("nan") if own is None else float(own))
        axes.plot(x, y, markersize=6.5, linewidth=1.4, gid=models[number].name,
                  markeredgecolor="white", markeredgewidth=0.6, zorder=3,
                  **stroke(number))  # fmt: skip
    for number in order:
        keys.append(key(number, f"{models[number].name}: {_mean(columns, number):.2f}"))
    turned = 30 if longest > _SHORT else 0
    axes.set_xticks(range(len(spokes)), [spoke.name for spoke in spokes], rotation=turned,
                    ha="right" if turned else "center", rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(range(1, last + 1))
    axes.set_ylim(last + 0.5, 0.5)
    axes.set_xlim(-0.4, len(spokes) - 0.6)
    axes.set_ylabel("place", fontsize=8)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    plain_axes(axes)
    legend_below(figure, keys, title="mean place")
    return figure


_SHORT = 7


def _mean(columns: Sequence[Sequence[int | None]], number: int) -> float:
    own = [place for column in columns if (place := column[number]) is not None]
    return fmean(own) if own else float("inf")
