"""Label efficiency: the main metric by the number of training images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cxrbench.figures.lines import Line, Measure, Place, floor_of, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import ordered_places, same_test, slug, task_words
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.units import scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAIN = "train"
_CAPTION = (
    "Mean over seeds by the number of training images, on a logarithmic axis. Bands and "
    "whiskers are ± one sample standard deviation over seeds; a model with one seed has none, and "
    "of many models there are whiskers alone. Dashed: the best "
    "predictor that gives every sample the same output. A line is broken where a task was not run."
)
_BAND = 0.15
_MOST_BANDS = 4


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each data set that has tasks with several numbers of training images."""
    for part in scope.parts(same_test):
        groups = [group for group in part if _TRAIN in group.first.dataset.splits and group.done]
        if len({_images(group) for group in groups}) < 2:
            continue
        first = groups[0].first
        yield Sheet(
            kind="efficiency",
            name=slug("efficiency", first.dataset.name, first.task_type, first.spec.protocol),
            heading=f"{first.dataset.title}, {first.spec.protocol}: {first.main_metric} by number "
            "of training images",
            caption=_CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, scope, groups),
        )


def _images(group: Group) -> int:
    return group.first.dataset.splits[_TRAIN].n


def _draw(scope: Scope, groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.strokes import floor_key, key
    from cxrbench.plotting import FAINT, legend_below, new_figure, plain_axes

    models = lines_of(groups)
    measure = Measure.of(groups[0].first.main_metric, groups)
    places = sorted(ordered_places(groups), key=lambda place: _of(place, groups))
    figure = new_figure(lines, 5.2, 3.4 + 0.17 * len(lines))
    axes = figure.subplots()
    axes.set_xscale("log")
    for number, model in enumerate(models):
        _draw_model(axes, number, [(_of(p, groups), p) for p in places], model, measure,
                    banded=len(models) <= _MOST_BANDS)  # fmt: skip
    for value in {floor_of([g for g in groups if place_of(g) == p], measure.id) for p in places}:
        if value is not None:
            axes.axhline(value * scale(measure.unit), color="black", linestyle="--",
                         linewidth=0.9, gid="floor")  # fmt: skip
    told: dict[int, list[str]] = {}
    for place in places:
        told.setdefault(_of(place, groups), []).append(task_words(place, groups, scope.layout))
    axes.set_xticks(list(told), [f"{n:,}\n{' / '.join(words)}" for n, words in told.items()])
    axes.minorticks_off()
    axes.set_xlabel("training images", fontsize=8)
    axes.set_ylabel(measure.words, fontsize=8)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    plain_axes(axes)
    keys = [key(number, model.name) for number, model in enumerate(models)]
    if any(line.get_gid() == "floor" for line in axes.lines):
        keys.append(floor_key())
    legend_below(figure, keys)
    return figure


def _of(place: Place, groups: Sequence[Group]) -> int:
    return next(_images(group) for group in groups if place_of(group) == place)


def _draw_model(
    axes: Axes, number: int, places: Sequence[tuple[int, Place]], model: Line, measure: Measure,
    *, banded: bool,
) -> None:  # fmt: skip
    from cxrbench.figures.strokes import stroke

    factor = scale(measure.unit)
    cells = [model.cell(place, measure.id) for _, place in places]
    x = [images for images, _ in places]
    y = [float("nan") if cell.value is None else cell.value * factor for cell in cells]
    spread = [float("nan") if cell.sd is None else cell.sd * factor for cell in cells]
    look = stroke(number)
    axes.plot(x, y, markersize=4.5, linewidth=1.3, gid=model.name, zorder=3, **look)
    low, high = ([v + sign * s for v, s in zip(y, spread, strict=True)] for sign in (-1, 1))
    if banded:
        axes.fill_between(x, low, high, color=look["color"], alpha=_BAND, linewidth=0, zorder=2)
    # A band needs two points: where a neighbour has none, whiskers say the same.
    axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=look["color"], elinewidth=0.8, capsize=2,
                  zorder=3)  # fmt: skip
