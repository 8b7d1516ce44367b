"""Bars of the metrics of a data set: a row for each model, a bar for each of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cxrbench.figures.lines import Measure, floor_of, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import (
    family_of,
    metrics_of,
    ordered_places,
    same_test,
    slug,
    task_words,
)
from cxrbench.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Mean ± sample standard deviation over seeds (number of seeds); one seed has no ± and no "
    "whisker. Dashed: the best predictor that gives every sample the same output. – where a task "
    "was not run or does not apply. Bars begin at zero."
)
_RETRIEVAL = "retrieval"


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each data set, kind of task and test split; retrieval has a kind of its own."""
    for groups in scope.parts(same_test):
        first = groups[0].first
        if first.task_type == _RETRIEVAL or not any(group.metrics for group in groups):
            continue
        family = family_of(first.task_type, scope.layout)
        about = (first.dataset.title, family.title.lower() if family else "", first.spec.protocol)
        yield Sheet(
            kind="bars",
            name=slug("bars", first.dataset.name, first.task_type, first.spec.protocol),
            heading=", ".join(filter(None, about)),
            caption=CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, scope, groups),
        )


def _draw(scope: Scope, groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.barchart import Panel, Series, draw_bars

    models = lines_of(groups)
    family = family_of(groups[0].first.task_type, scope.layout)
    panels = []
    for metric in metrics_of(groups, family):
        measure = Measure.of(metric, groups)
        series = [
            Series(
                name=task_words(place, groups, scope.layout),
                measure=measure,
                cells=[model.cell(place, metric) for model in models],
                floor=floor_of([g for g in groups if place_of(g) == place], metric),
                look=look,
            )
            for look, place in enumerate(ordered_places(groups))
        ]
        panels.append(Panel("", measure.words, series))
    return draw_bars(lines, [model.name for model in models], panels)
