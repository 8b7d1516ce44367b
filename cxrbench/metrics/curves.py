"""The curves behind label metrics: ROC, precision-recall, and frequency by score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrbench.metrics.calibration import CalibrationError
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.ranking import FloatArray, IntArray, Ranking, count, ratio


def roc_curves(ranking: Ranking, weights: FloatArray, rates: FloatArray) -> FloatArray:
    """Sensitivity at given false positive rates, on the line between the points of the ROC curve.

    The area under this line is the AUROC, in which a tie counts half. Where the curve rises
    straight up, the upper end is meant.

    Args:
        ranking: Of one label.
        weights: (R, N) weights of the samples.
        rates: (G,) false positive rates in 0..1, ascending.

    Returns:
        (R, G); NaN in replicates where one class has no weight.
    """
    found = np.full((len(weights), len(rates)), np.nan)
    for rows, c in count(ranking, weights):
        negatives = c.total - c.positive_total
        above = c.positive_through - c.positive
        false = np.stack([c.all_above - above, c.all_through - c.positive_through], axis=2)
        true = np.stack([above, c.positive_through], axis=2)
        known = np.flatnonzero((negatives > 0) & (c.positive_total > 0))
        for row in known:
            x = np.r_[false[row].ravel() / negatives[row], 1.0]
            y = np.r_[true[row].ravel() / c.positive_total[row], 1.0]
            found[rows.start + row] = np.interp(rates, x, y)
    return found


def precision_curves(ranking: Ranking, weights: FloatArray, recalls: FloatArray) -> FloatArray:
    """Precision where at least a given share of the positives is found.

    The area under these steps is the average precision.

    Args:
        ranking: Of one label.
        weights: (R, N) weights of the samples.
        recalls: (G,) shares in 0..1, ascending; 0 stands for the first positives found.

    Returns:
        (R, G); NaN in replicates where one class has no weight.
    """
    found = np.full((len(weights), len(recalls)), np.nan)
    least = np.maximum(recalls, np.finfo(np.float64).tiny)
    for rows, c in count(ranking, weights):
        known = np.flatnonzero((c.total > c.positive_total) & (c.positive_total > 0))
        for row in known:
            recall = c.positive_through[row] / c.positive_total[row]
            step = np.minimum(np.searchsorted(recall, least), len(recall) - 1)
            found[rows.start + row] = c.positive_through[row, step] / c.all_through[row, step]
    return found


@dataclass(frozen=True, eq=False)
class Reliability:
    """How frequent a label is at each score; B bins that hold a sample.

    Attributes:
        scores: (B,) mean score in each bin.
        frequencies: (B,) share of positives.
        counts: (B,) samples.
        centres: (B,) middle of the bin.
    """

    scores: FloatArray
    frequencies: FloatArray
    counts: IntArray
    centres: FloatArray


def reliability(metric: CalibrationError, data: ClassificationInput) -> list[Reliability]:
    """The bins of a calibration error, for each label."""
    found = []
    for scores, labels, known in zip(data.scores.T, data.labels.T, data.known.T, strict=True):
        bins = metric.bins_of(scores[known])
        counts = np.bincount(bins, minlength=metric.bins)
        held = np.flatnonzero(counts)
        sums = [np.bincount(bins, values[known], metric.bins) for values in (scores, labels)]
        mean, frequency = (ratio(total, counts)[held] for total in sums)
        centres = (held + 0.5) / metric.bins
        found.append(Reliability(mean, frequency, counts[held], centres))
    return found
