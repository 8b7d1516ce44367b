"""ROC and precision-recall curves, a panel for the mean of the labels and one for each label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from cxrbench.figures.bands import MEAN, Band, Curve, bands_of
from cxrbench.figures.lines import Measure, floor_of, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = np.linspace(0, 1, 201)
_MOST_BANDS = 4
_MOST_COLUMNS = 5
_SIDE = 1.55
_MARK_EVERY = 40


@dataclass(frozen=True)
class CurveKind:
    """A kind of curve.

    Attributes:
        id: Of the kind of figure.
        title: In words.
        metric: Whose area it is: names the values in the legend.
        curve: Computes it.
        x: Of the horizontal axis.
        y: Of the vertical axis.
        caption: What is drawn.
        diagonal: Whether guessing is the diagonal; else it is the share of positives.
    """

    id: str
    title: str
    metric: str
    curve: Curve
    x: str
    y: str
    caption: str
    diagonal: bool


def sheets_of(kind: CurveKind, scope: Scope) -> Iterator[Sheet]:
    """One for each task and state of its data that has label scores under the metric."""
    for part in scope.parts(place_of):
        groups = [group for group in part
                  if kind.metric in group.metrics
                  and any(scope.library.holds(r) for r in group.done)]  # fmt: skip
        if not groups:
            continue
        spec = groups[0].first.spec
        yield Sheet(
            kind=kind.id,
            name=slug(kind.id, spec.task, spec.protocol),
            heading=f"{kind.title}: {spec.task}, {spec.protocol}",
            caption=f"{kind.caption} {_bands(len(groups), scope.replicates)}",
            groups=tuple(groups),
            draw=partial(_draw, kind, scope, groups),
            predictions=True,
        )


def _bands(models: int, replicates: int) -> str:
    said = "Curves are means over seeds; a label with one class alone has none."
    if models > _MOST_BANDS or not replicates:
        return f"{said} No bands are drawn of more than {_MOST_BANDS} models."
    return (
        f"{said} Bands are pointwise 95 % intervals of {replicates:,} bootstrap replicates over "
        "patients, too narrow for labels that few patients have; there are none where most "
        "replicates lack a class."
    )


def _draw(kind: CurveKind, scope: Scope, groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import key
    from cxrbench.plotting import legend_below, new_figure

    models = lines_of(groups)
    place = place_of(groups[0])
    measure = Measure.of(kind.metric, groups)
    replicates = scope.replicates if len(models) <= _MOST_BANDS else 0
    found = [bands_of(kind.curve, model, place, scope.library, GRID, replicates)
             for model in models]  # fmt: skip
    panels = list(found[0])
    columns = min(len(panels), _MOST_COLUMNS) if len(panels) > 1 else 1
    rows = ceil(len(panels) / columns)
    side = _SIDE if len(panels) > 1 else 2 * _SIDE
    told = [*lines, _told(replicates, found)]
    width = max(5.0, columns * side + 0.6)
    figure = new_figure(told, width, rows * (side + 0.25) + 0.17 * len(told) + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    flat = grid.ravel()
    for axes in flat[len(panels) :]:
        axes.remove()
    positives, shares = _positives(scope, groups)
    for axes, name in zip(flat, panels, strict=False):
        guess = None if kind.diagonal else shares[name]
        title = name if name == MEAN else f"{name}, {positives[name]:,} positive"
        _panel(axes, title, [each.get(name) for each in found], guess)
    for spot, axes in enumerate(flat[: len(panels)]):
        lowest = spot + columns >= len(panels)
        axes.tick_params(labelbottom=lowest)
        axes.set_xlabel(kind.x if lowest else "", fontsize=7)
        axes.set_ylabel(kind.y if spot % columns == 0 else "", fontsize=7)
    keys = [key(n, f"{model.name}: {measure.said(model.cell(place, kind.metric))}")
            for n, model in enumerate(models)]  # fmt: skip
    floor = floor_of(groups, kind.metric)
    guessing = "" if floor is None else f" (dashed: guessing, {floor * 100:.1f})"
    legend_below(figure, keys, title=f"{measure.words}, mean ± sd over seeds (n){guessing}")
    return figure


def _told(replicates: int, found: Sequence[dict[str, Band]]) -> str:
    if not replicates or not any(b.low is not None for each in found for b in each.values()):
        return "means over seeds"
    return "means over seeds, with pointwise 95 % bands of a bootstrap over patients"


def _positives(scope: Scope, groups: Sequence[Group]) -> tuple[dict[str, int], dict[str, float]]:
    """Number and share of positives of each label; the mean share of those that have a curve."""
    record = next(r for group in groups for r in group.done if scope.library.holds(r))
    data = scope.library.scored(record).data
    counts = dict(zip(data.names, (data.labels == 1).sum(axis=0).tolist(), strict=True))
    shares = {name: float(share) for name, share in zip(data.names, data.prevalence, strict=True)
              if 0 < share < 1}  # fmt: skip
    return counts, {**shares, MEAN: float(np.mean(list(shares.values())))}


def _panel(axes: Axes, title: str, bands: Sequence[Band | None], guess: float | None) -> None:
    from cxrbench.figures.strokes import stroke
    from cxrbench.plotting import FAINT, plain_axes

    axes.plot([0, 1], [0, 1] if guess is None else [guess, guess], color="black", linestyle="--",
              linewidth=0.8, gid="guess", zorder=1)  # fmt: skip
    for number, band in enumerate(bands):
        if band is None:
            continue
        look = stroke(number)
        x, y = GRID, band.values
        if guess is None:  # a ROC curve begins at the origin
            x, y = np.r_[0.0, x], np.r_[0.0, y]
        every = (number * 3 % _MARK_EVERY, _MARK_EVERY)
        axes.plot(x, y, linewidth=1.1, markersize=2.8, markevery=every, gid="curve", zorder=3,
                  **look)  # fmt: skip
        if band.low is not None and band.high is not None:
            axes.fill_between(GRID, band.low, band.high, color=look["color"], alpha=0.16,
                              linewidth=0, zorder=2)  # fmt: skip
    axes.set_title(title, fontsize=7, fontweight="bold" if title == MEAN else "normal")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_aspect("equal")
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    plain_axes(axes)
