"""Area under the precision-recall curve, as average precision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.exchange import ranked, ranked_together
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, Ranking, count, ratio


def average_precision(ranking: Ranking, weights: FloatArray) -> FloatArray:
    """Average precision of one ranking under (R, N) weights: (R,), NaN without positives.

    The curve is a step function: no interpolation between points, which would be too optimistic
    (Davis and Goadrich 2006). Tied scores form one step.
    """
    values = np.empty(len(weights))
    for rows, c in count(ranking, weights):
        # A group of weight 0 adds no recall; its precision (0/0) must not spread.
        precision = np.divide(
            c.positive_through,
            c.all_through,
            out=np.zeros_like(c.all_through),
            where=c.all_through > 0,
        )
        values[rows] = ratio(np.einsum("rk,rk->r", c.positive, precision), c.positive_total)
    return values


@dataclass(frozen=True, kw_only=True)
class AuprcMacro(LabelMetric):
    """Unweighted mean over labels of the average precision of each label."""

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where a label has no positive or no negative.

        Without negatives every predictor has precision 1, so the value says nothing.
        """
        w = data.weights(weights)
        values = np.stack([average_precision(ranking, w) for ranking in data.rankings], axis=1)
        negatives = w @ (data.labels == 0).astype(np.float64)
        return np.where(negatives > 0, values, np.nan)

    def floor(self, data: ClassificationInput) -> float:
        """Mean prevalence over the labels that have both classes."""
        prior = data.prevalence
        prior[(prior == 0) | (prior == 1)] = np.nan
        return float(self.aggregate(prior[None])[0])

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order within each label alone counts, so ranks stand for scores."""
        return ranked(data)


@dataclass(frozen=True, kw_only=True)
class AuprcMicro(LabelMetric):
    """Average precision of all (sample, label) pairs in one ranking."""

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, 1); NaN where the pooled labels hold one class only."""
        w = data.weights(weights)
        values = average_precision(data.pooled_ranking, w)
        negatives = w @ (data.labels == 0).sum(axis=1).astype(np.float64)
        return np.where(negatives > 0, values, np.nan)[:, None]

    def floor(self, data: ClassificationInput) -> float:
        """That of scoring each label with its prevalence."""
        prior = np.broadcast_to(np.nan_to_num(data.prevalence), data.scores.shape)
        return float(self.per_class(replace(data, scores=prior))[0, 0])

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order of all scores alone counts, so ranks stand for scores."""
        return ranked_together(data)


METRICS = (
    AuprcMacro(
        id="auprc-macro",
        summary="Average precision (step-wise area under the precision-recall curve), mean over "
        "labels.",
        formula="mean_c sum_k (recall_k - recall_{k-1}) * precision_k, k over distinct scores",
        source="Davis and Goadrich 2006; scikit-learn average_precision_score(average='macro')",
    ),
    AuprcMicro(
        id="auprc-micro",
        summary="Average precision of all (image, label) pairs in one ranking.",
        formula="sum_k (recall_k - recall_{k-1}) * precision_k over all pairs of all labels",
        source="scikit-learn average_precision_score(average='micro')",
        averaging="micro",
    ),
)
