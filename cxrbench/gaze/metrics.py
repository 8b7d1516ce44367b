"""How well a predicted map tells where a reader looked.

Predicted maps, heat and fixation counts have shape …×P, P cells of one map; each metric returns
one value for each map, shape …, NaN where it is undefined. All are invariant to the scale of
their arguments; CC, NSS and AUC to an offset of the prediction too. Definitions: Bylinskii et
al., "What do different evaluation metrics tell us about saliency models?", TPAMI 2019.

These compare maps, not scores with labels, so they are no `cxrbench.metrics.Metric`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


def kl_divergence(predicted: npt.ArrayLike, heat: npt.ArrayLike) -> Floats:
    """Kullback-Leibler divergence of the prediction from the heat, in nats.

    sum_i h_i log(eps + h_i / (eps + p_i)) with both maps scaled to sum to one and eps 2.2e-16.
    From 0 (equal) upwards, at most 36; lower is better. Not negative maps only; NaN where one has
    no mass.
    """
    p, h = _distribution(predicted), _distribution(heat)
    return np.asarray((h * np.log(_EPS + h / (_EPS + p))).sum(-1))


def correlation(predicted: npt.ArrayLike, heat: npt.ArrayLike) -> Floats:
    """Pearson's correlation (CC) over the cells.

    From -1 to 1; higher is better. NaN where a map is constant.
    """
    p, h = _standardised(predicted), _standardised(heat)
    return np.asarray((p * h).mean(-1))


def normalised_scanpath_saliency(predicted: npt.ArrayLike, fixations: npt.ArrayLike) -> Floats:
    """Mean of the standardised prediction over the fixations (NSS).

    The prediction has mean 0 and (population) standard deviation 1 over the cells; a cell counts
    as often as it was fixated. 0 is chance, higher is better, at most sqrt(P - 1). NaN where the
    prediction is constant or nothing was fixated.
    """
    p, n = _standardised(predicted), _float(fixations)
    with np.errstate(invalid="ignore"):
        return np.asarray((p * n).sum(-1) / n.sum(-1))


def auc_judd(predicted: npt.ArrayLike, fixations: npt.ArrayLike) -> Floats:
    """Area under the ROC curve of the fixated cells against all others (AUC-Judd).

    A cell counts once however often it was fixated. Ties count half, where the published code
    adds noise to break them. From 0 to 1, 0.5 is chance, higher is better. NaN where no cell was
    fixated, or every one. Source: Judd et al. 2009.
    """
    p, hit = _float(predicted), _float(fixations) > 0
    positives = hit.sum(-1)
    negatives = hit.shape[-1] - positives
    ranks = rankdata(p, axis=-1)
    wins = np.where(hit, ranks, 0).sum(-1) - positives * (positives + 1) / 2
    with np.errstate(invalid="ignore"):
        value = wins / (positives * negatives)
    return np.where(np.isfinite(p).all(-1), value, np.nan)


class MapMetric(Protocol):
    """Predicted …×P and what is known …×P to …."""

    def __call__(self, predicted: npt.ArrayLike, known: npt.ArrayLike, /) -> Floats:
        """One value for each map."""
        ...


@dataclass(frozen=True)
class GazeMetric:
    """A metric by its name, and which of two truths it needs.

    Attributes:
        id: Spelled-out name.
        compute: The function.
        against: `heat` (blurred) or `fixations` (counts).
        higher_is_better: Direction.
        range: Lowest and highest possible value.
    """

    id: str
    compute: MapMetric
    against: str
    higher_is_better: bool
    range: tuple[float, float]


GAZE_METRICS = (
    GazeMetric("gaze-kl", kl_divergence, "heat", False, (0.0, float(-np.log(_EPS)))),
    GazeMetric("gaze-cc", correlation, "heat", True, (-1.0, 1.0)),
    GazeMetric("gaze-nss", normalised_scanpath_saliency, "fixations", True, (-np.inf, np.inf)),
    GazeMetric("gaze-auc-judd", auc_judd, "fixations", True, (0.0, 1.0)),
)


def gaze_scores(
    predicted: npt.ArrayLike, heat: npt.ArrayLike, fixations: npt.ArrayLike
) -> dict[str, Floats]:
    """Every metric of each of N maps, by its id.

    Args:
        predicted: N×P, not negative.
        heat: N×P, see `cxrbench.gaze.heatmap.heatmaps`.
        fixations: N×P, see `cxrbench.gaze.heatmap.fixation_maps`.

    Returns:
        N values of each metric, NaN where it is undefined.
    """
    known = {"heat": heat, "fixations": fixations}
    return {m.id: m.compute(predicted, known[m.against]) for m in GAZE_METRICS}


def mean_score(values: Floats) -> float:
    """The mean over the maps that a metric is defined for; NaN where it is for none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _float(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _distribution(values: npt.ArrayLike) -> Floats:
    array = _float(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(array / array.sum(-1, keepdims=True))


def _standardised(values: npt.ArrayLike) -> Floats:
    array = _float(values)
    deviation = array.std(-1, keepdims=True)
    # A constant map has a deviation of rounding errors only, which must not be divided by.
    least = 1e-12 * np.abs(array).max(-1, keepdims=True)
    deviation = np.where(deviation > least, deviation, np.nan)
    return np.asarray((array - array.mean(-1, keepdims=True)) / deviation)
