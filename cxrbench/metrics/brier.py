"""Brier score: how good the probabilities are, not only their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, ratio


@dataclass(frozen=True, kw_only=True)
class Brier(LabelMetric):
    """Mean squared difference of probability and outcome."""

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where no label is known."""
        w = data.weights(weights)
        errors = np.where(data.known, np.square(data.scores - data.labels), 0.0)
        return ratio(w @ errors, w @ data.known.astype(np.float64))

    def floor(self, data: ClassificationInput) -> float:
        """That of scoring each label with its prevalence p: the mean of p (1 - p)."""
        prior = data.prevalence
        return float(self.aggregate((prior * (1 - prior))[None])[0])

    def per_sample(self, data: ClassificationInput) -> FloatArray:
        """Mean squared difference over the known labels of each sample."""
        errors = np.where(data.known, np.square(data.scores - data.labels), 0.0)
        return ratio(errors.sum(axis=1), data.known.sum(axis=1))


METRICS = (
    Brier(
        id="brier-macro",
        summary="Mean squared error of the probability of each label, mean over labels.",
        formula="mean_c mean_i (s_ic - y_ic)^2",
        source="Brier 1950, one-sided form; scikit-learn brier_score_loss",
        higher_is_better=False,
    ),
)
