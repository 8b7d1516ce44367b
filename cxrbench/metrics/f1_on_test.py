"""F1 at the threshold that is best on the scored split: what some published codes report.

The threshold is chosen with the very labels that the score is then computed from, so that these
numbers are too high for every model. They exist to be compared with such codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.decisions import require_one_label
from cxrbench.metrics.exchange import ranked, ranked_together
from cxrbench.metrics.f1 import F1
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.ranking import FloatArray, Ranking, count, ratio

_WARNING = "LOOKS AT THE TEST LABELS"


def best_f1(ranking: Ranking, weights: FloatArray) -> FloatArray:
    """Highest F1 of any cut of one ranking under (R, N) weights: (R,), NaN without positives."""
    values = np.empty(len(weights))
    for rows, c in count(ranking, weights):
        f1 = ratio(2 * c.positive_through, c.all_through + c.positive_total[:, None])
        best = np.nan_to_num(f1).max(axis=1, initial=0.0)
        values[rows] = np.where(c.positive_total > 0, best, np.nan)
    return values


@dataclass(frozen=True, kw_only=True)
class BestF1(F1):
    """F1 at the best cut: one of each label, or, pooled, one for all labels together.

    In a bootstrap replicate the cut is the best one of that replicate.
    """

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C), or (R, 1) when labels are pooled; NaN without positives.

        Raises:
            BadRequest: When the task has more labels than allowed.
        """
        if self.one_label:
            require_one_label(data, self.id)
        w = data.weights(weights)
        if self.averaging == "micro":
            return best_f1(data.pooled_ranking, w)[:, None]
        return np.stack([best_f1(ranking, w) for ranking in data.rankings], axis=1)

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """The order alone counts, so ranks stand for scores."""
        return ranked_together(data) if self.averaging == "micro" else ranked(data)


METRICS = (
    BestF1(
        id="f1-binary@best-on-test",
        summary=f"{_WARNING}: F1 of a task with one label at the threshold that is best on the "
        "scored split.",
        formula="max_t 2 TP / (2 TP + FP + FN), present where score >= t",
        source="zero-shot evaluation of BenchX; scikit-learn precision_recall_curve",
        one_label=True,
    ),
    BestF1(
        id="f1-macro@best-on-test",
        summary=f"{_WARNING}: F1 of each label at the threshold that is best on the scored split, "
        "mean over labels.",
        formula="mean_c max_t 2 TP_c / (2 TP_c + FP_c + FN_c), present where score >= t",
        source="zero-shot evaluation of BenchX; scikit-learn precision_recall_curve",
    ),
    BestF1(
        id="f1-micro@best-global-on-test",
        summary=f"{_WARNING}: F1 with the counts of all labels pooled, at the one threshold for "
        "all labels that is best on the scored split.",
        formula="max_t 2 sum TP_c / (2 sum TP_c + sum FP_c + sum FN_c), present where score >= t",
        source="classification of BenchX, the secondary metric of its tasks with several labels",
        averaging="micro",
    ),
)
