"""Calibration: whether probabilities are as frequent as they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, IntArray, ratio


@dataclass(frozen=True, kw_only=True)
class CalibrationError(LabelMetric):
    """Expected calibration error of the probability of each label.

    Attributes:
        bins: Number of bins of equal width; each holds its lower edge, the last one 1 too.
    """

    bins: int

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where no label is known."""
        w = data.weights(weights)
        gaps = [
            self._gap(s[known], y[known], w[:, known])
            for s, y, known in zip(data.scores.T, data.labels.T, data.known.T, strict=True)
        ]
        return np.stack(gaps, axis=1)

    def _gap(self, scores: FloatArray, labels: FloatArray, weights: FloatArray) -> FloatArray:
        own = self.bins_of(scores)[:, None] == np.arange(self.bins)
        # Share of the bin times |frequency - mean score|, without its division by the share.
        differences = weights @ (own * (labels - scores)[:, None])
        return ratio(np.abs(differences).sum(axis=1), weights.sum(axis=1))

    def bins_of(self, scores: FloatArray) -> IntArray:
        """(N,) the bin of each score."""
        edges = np.linspace(0, 1, self.bins + 1)[1:-1]
        return np.searchsorted(edges, scores, side="right")

    def floor(self, data: ClassificationInput) -> float:
        """0: scoring each label with its prevalence is calibrated, and useless."""
        return 0.0 if data.known.any() else float("nan")


METRICS = (
    CalibrationError(
        id="ece-15",
        summary="Expected calibration error of the probability of each label in 15 bins of equal "
        "width, mean over labels.",
        formula="mean_c sum_b n_cb / n_c * |frequency of the label in bin b - mean score there|",
        source="Naeini et al. 2015; torchmetrics BinaryCalibrationError(n_bins=15, norm='l1')",
        higher_is_better=False,
        bins=15,
    ),
)
