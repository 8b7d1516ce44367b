"""Reliability diagrams with their counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from cxrbench.figures.lines import Measure, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group
from cxrbench.metrics.calibration import METRICS
from cxrbench.metrics.curves import Reliability, reliability
from cxrbench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRIC = METRICS[0]
_CAPTION = (
    f"How frequent a label is among samples of a score, in {METRIC.bins} bins of equal width; "
    "below each the number of samples in a bin, on a logarithmic axis. Points stand at the mean "
    "score of their bin; on the dashed diagonal a score is as frequent as it says. "
    f"{METRIC.id} is the mean distance from it, weighted by the counts, averaged over labels. "
    "The first seed alone is drawn."
)
_COLUMNS, _SIDE, _COUNTS = 5, 1.55, 0.3


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each task and state of its data that has probabilities."""
    for part in scope.parts(place_of):
        groups = [group for group in part
                  if METRIC.id in group.metrics and _shown(scope, group)]  # fmt: skip
        if not groups:
            continue
        spec = groups[0].first.spec
        yield Sheet(
            kind="calibration",
            name=slug("calibration", spec.task, spec.protocol),
            heading=f"Calibration: {spec.task}, {spec.protocol}",
            caption=_CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, scope, groups),
            predictions=True,
        )


def _shown(scope: Scope, group: Group) -> Record | None:
    """The run that is drawn: of the first seed that has predictions."""
    return next((r for r in group.done if scope.library.holds(r)), None)


def _draw(scope: Scope, groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import key
    from cxrbench.plotting import legend_below, new_figure

    models, place = lines_of(groups), place_of(groups[0])
    measure = Measure.of(METRIC.id, groups)
    bins, keys, names = [], [], []
    for number, model in enumerate(models):
        record = _shown(scope, model.groups[place])
        if record is None:
            continue
        data = scope.library.scored(record).data
        names = list(data.names)
        bins.append((number, reliability(METRIC, data)))
        keys.append(key(number, f"{model.name}: {_error(measure, record)}"))
    columns = min(len(names), _COLUMNS)
    rows = ceil(len(names) / columns)
    side = _SIDE if len(names) > 1 else 2 * _SIDE
    width = max(5.0, columns * (side + 0.12) + 0.7)
    height = rows * (side * (1 + _COUNTS) + 0.35) + 0.17 * len(lines) + 0.4
    figure = new_figure(lines, width, height)
    ratios = [1.0, _COUNTS] * rows
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=ratios)
    for spot in range(rows * columns):
        row, column = divmod(spot, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        if spot >= len(names):
            above.remove()
            below.remove()
            continue
        label = names[spot] if len(names) > 1 else ""
        _panel(above, below, label, [(n, each[spot]) for n, each in bins])
        if column == 0:
            above.set_ylabel("share of positives", fontsize=7)
            below.set_ylabel("samples", fontsize=7)
        if spot + columns >= len(names):
            below.set_xlabel("mean score in the bin", fontsize=7)
    legend_below(figure, keys, title=f"{measure.words}, of the seed that is drawn")
    return figure


def _error(measure: Measure, record: Record) -> str:
    value = record.metrics[METRIC.id].value
    said = "–" if value is None else f"{value * 100:.1f}"
    return f"{said} (seed {record.spec.seed})"


def _panel(above: Axes, below: Axes, title: str, bins: Sequence[tuple[int, Reliability]]) -> None:
    from cxrbench.figures.strokes import stroke
    from cxrbench.plotting import FAINT, plain_axes

    above.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=0.8, zorder=1)
    for number, found in bins:
        look = stroke(number)
        above.plot(found.scores, found.frequencies, markersize=3, linewidth=0.9, gid="bins",
                   zorder=3, **look)  # fmt: skip
        below.plot(found.centres, found.counts, markersize=2.2, linewidth=0.8, gid="counts",
                   **look)  # fmt: skip
    below.set_yscale("log")
    below.set_ylim(bottom=0.7)
    above.set_title(title, fontsize=7.5)
    above.set_ylim(-0.04, 1.04)
    above.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    for axes in (above, below):
        axes.set_xlim(-0.04, 1.04)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        plain_axes(axes)
    above.tick_params(labelbottom=False)
    below.minorticks_off()
    below.tick_params(labelsize=6)
