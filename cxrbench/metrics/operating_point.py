"""One point of the ROC curve: the sensitivity that is reached at a fixed specificity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.exchange import ranked
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, Ranking, count, ratio

_ROUNDING = 1e-9


def roc_sensitivity(ranking: Ranking, weights: FloatArray, specificity: float) -> FloatArray:
    """Highest sensitivity of a cut of one ranking that is specific enough: (R,) values.

    Cuts lie between distinct scores; there is no interpolation between them. NaN where one class
    has no weight, 0 where only the cut above all scores is specific enough.
    """
    values = np.empty(len(weights))
    for rows, c in count(ranking, weights):
        negatives = (c.total - c.positive_total)[:, None]
        mistaken = c.all_through - c.positive_through
        allowed = mistaken <= (1 - specificity + _ROUNDING) * negatives
        found = np.where(allowed, c.positive_through, 0.0).max(axis=1, initial=0.0)
        values[rows] = np.where(negatives[:, 0] > 0, ratio(found, c.positive_total), np.nan)
    return values


@dataclass(frozen=True, kw_only=True)
class RocSensitivity(LabelMetric):
    """Sensitivity at a fixed specificity, read off the ROC curve of the scored split.

    The specificity is that of the scored split itself, so that no model can have a higher
    sensitivity by being less specific there than it was on the validation split. The curve is a
    property of the ranking, as AUROC is: no threshold is chosen by what it brings.

    Attributes:
        specificity: The least allowed.
    """

    specificity: float

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where a label has positives only or negatives only."""
        w = data.weights(weights)
        return np.stack([roc_sensitivity(r, w, self.specificity) for r in data.rankings], axis=1)

    def floor(self, data: ClassificationInput) -> float:
        """1 - specificity, which random scores reach on average; equal scores have 0."""
        return float("nan") if np.isnan(self.per_class(data)).all() else 1 - self.specificity

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order within each label alone counts, so ranks stand for scores."""
        return ranked(data)


METRICS = (
    RocSensitivity(
        id="roc-sensitivity@specificity-0.90",
        summary="Sensitivity at a specificity of at least 0.90 on the ROC curve of the scored "
        "split, mean over labels.",
        formula="mean_c max over cuts t of TPR_c(t) with FPR_c(t) <= 0.10, present where "
        "score >= t, no interpolation",
        source="Pepe 2003, ROC(0.10); scikit-learn roc_curve",
        specificity=0.9,
    ),
)
