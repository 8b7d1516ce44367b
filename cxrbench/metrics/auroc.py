"""Area under the receiver operating characteristic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.exchange import ranked, ranked_together
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, Ranking, count, pooled, ratio


def auroc(ranking: Ranking, weights: FloatArray) -> FloatArray:
    """AUROC of one ranking under (R, N) weights: (R,), NaN where one class has no weight.

    It is the weighted share of (positive, negative) pairs in the right order; a tie counts half
    (Hanley and McNeil 1982).
    """
    values = np.empty(len(weights))
    for rows, c in count(ranking, weights):
        negative_total = c.total - c.positive_total
        through = c.all_through - c.positive_through
        above = c.all_above - (c.positive_through - c.positive)
        # Negatives strictly below, plus half of those tied.
        beaten = negative_total[:, None] - 0.5 * (through + above)
        wins = np.einsum("rk,rk->r", c.positive, beaten)
        values[rows] = ratio(wins, c.positive_total * negative_total)
    return values


@dataclass(frozen=True, kw_only=True)
class AurocMacro(LabelMetric):
    """Unweighted mean over labels of the AUROC of each label."""

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where a label has positives only or negatives only."""
        w = data.weights(weights)
        return np.stack([auroc(ranking, w) for ranking in data.rankings], axis=1)

    def floor(self, data: ClassificationInput) -> float:
        """0.5: equal scores tie every pair."""
        return float("nan") if np.isnan(self.per_class(data)).all() else 0.5

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order within each label alone counts, so ranks stand for scores."""
        return ranked(data)


@dataclass(frozen=True, kw_only=True)
class AurocMicro(LabelMetric):
    """AUROC of all (sample, label) pairs in one ranking."""

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, 1); NaN where the pooled labels hold one class only."""
        return auroc(data.pooled_ranking, data.weights(weights))[:, None]

    def floor(self, data: ClassificationInput) -> float:
        """That of scoring each label with its prevalence, which often is far above 0.5."""
        prior = np.broadcast_to(np.nan_to_num(data.prevalence), data.scores.shape)
        return float(auroc(pooled(prior, data.labels), data.weights(None))[0])

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order of all scores alone counts, so ranks stand for scores."""
        return ranked_together(data)


METRICS = (
    AurocMacro(
        id="auroc-macro",
        summary="Area under the ROC curve of each label, mean over labels.",
        formula="mean_c P(s_pos > s_neg) + P(s_pos = s_neg) / 2",
        source="Hanley and McNeil 1982; scikit-learn roc_auc_score(average='macro')",
    ),
    AurocMicro(
        id="auroc-micro",
        summary="Area under the ROC curve of all (image, label) pairs in one ranking.",
        formula="P(s_pos > s_neg) + P(s_pos = s_neg) / 2 over all pairs of all labels",
        source="scikit-learn roc_auc_score(average='micro')",
        averaging="micro",
    ),
)
