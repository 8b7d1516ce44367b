"""Retrieval: precision and hits among the first K, a row for each model and a bar for each K."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cxrbench.figures.bars import CAPTION
from cxrbench.figures.lines import Measure, floor_of, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.figures.tasks import slug
from cxrbench.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METRIC = re.compile(r"^(i2t|t2i)-(precision|hit)@(\d+)$")
_DIRECTIONS = {"i2t": "image to text", "t2i": "text to image"}
_MEASURES = {"precision": "Precision@K: relevant ones among the first K",
             "hit": "Hit@K: any relevant one among the first K"}  # fmt: skip
_CAPTION = f"{CAPTION} What papers on this task call R@K is Hit@K; Hit@1 equals Precision@1."


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each retrieval task and state of its data."""
    for groups in scope.parts(place_of):
        if not any(_METRIC.match(metric) for group in groups for metric in group.metrics):
            continue
        spec = groups[0].first.spec
        yield Sheet(
            kind="retrieval",
            name=slug("retrieval", spec.task, spec.protocol),
            heading=f"Retrieval: {spec.task}, {spec.protocol}",
            caption=_CAPTION,
            groups=tuple(groups),
            draw=partial(_draw, groups),
        )


def _draw(groups: Sequence[Group], lines: Sequence[str]) -> Figure:
    from cxrbench.figures.barchart import Panel, Series, draw_bars

    models = lines_of(groups)
    place = place_of(groups[0])
    known = dict.fromkeys(metric for group in groups for metric in group.metrics)
    cuts: dict[tuple[str, str], dict[int, str]] = {}
    for metric in known:
        if found := _METRIC.match(metric):
            cuts.setdefault((found[1], found[2]), {})[int(found[3])] = metric
    every = sorted({cut for each in cuts.values() for cut in each})
    panels = []
    for direction, said in _DIRECTIONS.items():
        for name, meaning in _MEASURES.items():
            metrics = cuts.get((direction, name), {})
            series = [
                Series(
                    name=f"K = {cut}",
                    measure=Measure.of(metrics[cut], groups),
                    cells=[model.cell(place, metrics[cut]) for model in models],
                    floor=floor_of(groups, metrics[cut]),
                    look=look,
                )
                for look, cut in enumerate(every)
                if cut in metrics
            ]
            if metrics:
                panels.append(Panel(said, f"{meaning} (%)", series))
    return draw_bars(lines, [model.name for model in models], panels, columns=2)
