"""Curves of models with the band of a bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrbench.figures.library import Library, Scored
from cxrbench.figures.lines import Line, Place
from cxrbench.metrics.bootstrap import bootstrap_weights
from cxrbench.metrics.ranking import FloatArray, Ranking
from cxrbench.metrics.score import LEAST_COMPLETE
from cxrbench.progress import track

Curve = Callable[[Ranking, FloatArray, FloatArray], FloatArray]
"""A ranking, (R, N) weights and (G,) places to (R, G) values."""

MEAN = "mean of labels"
_TAIL = 2.5
_LEAST_DEFINED = 0.5


@dataclass(frozen=True, eq=False)
class Band:
    """A curve on a grid.

    Attributes:
        values: (G,) mean over seeds.
        low: (G,) lower bound of the pointwise 95 % interval; None where there is none.
        high: (G,) upper bound.
    """

    values: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None


def bands_of(
    curve: Curve, model: Line, place: Place, library: Library, grid: FloatArray, replicates: int
) -> dict[str, Band]:
    """The curves of a model by label, and their mean where there are several labels.

    Seeds are averaged within each replicate, and all see the same patients. Labels of which a class
    is absent from the split have no curve. A replicate in which another label loses one is left out
    of the band of the mean, which is drawn from at least a fifth of them.

    Args:
        curve: Computes a curve.
        model: Whose.
        place: On which task.
        library: Holds the predictions of all seeds of it.
        grid: (G,) places on the horizontal axis.
        replicates: Bootstrap replicates; 0: no band.
    """
    runs = [library.scored(r) for r in model.groups[place].done if library.holds(r)]
    names = list(runs[0].data.names)
    points = _over_seeds(curve, runs, np.ones((1, len(runs[0].data))), grid)[0]
    known = ~np.isnan(points[:, 0])
    drawn = [np.empty((0, *points.shape))]
    if replicates and len(set(runs[0].patients)) > 1:
        blocks = bootstrap_weights(runs[0].patients, replicates, seed=0)
        for weights in track(blocks, f"bands of {model.name}"):
            drawn.append(_over_seeds(curve, runs, weights, grid))
    samples = np.concatenate(drawn)
    found = {}
    if known.sum() > 1:
        mean = samples[:, known].mean(axis=1)  # NaN where a label lost a class
        found[MEAN] = _band(points[known].mean(axis=0), mean, LEAST_COMPLETE)
    for place_of_label in np.flatnonzero(known):
        values = samples[:, place_of_label]
        found[names[place_of_label]] = _band(points[place_of_label], values, _LEAST_DEFINED)
    return found


def _over_seeds(
    curve: Curve, runs: Sequence[Scored], weights: FloatArray, grid: FloatArray
) -> FloatArray:
    """(R, C, G) mean over seeds."""
    every = [
        np.stack([curve(ranking, weights, grid) for ranking in run.data.rankings], axis=1)
        for run in runs
    ]
    return np.asarray(np.mean(every, axis=0))


def _band(values: FloatArray, samples: FloatArray, least: float) -> Band:
    defined = samples[~np.isnan(samples).any(axis=1)]
    if not len(defined) or len(defined) < least * len(samples):
        return Band(values)
    low, high = np.percentile(defined, [_TAIL, 100 - _TAIL], axis=0)
    return Band(values, low, high)
