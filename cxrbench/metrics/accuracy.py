"""Accuracy: of one-label tasks, and of the entries of a multi-label matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.decisions import DECISION, confusion, require_one_label
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, ratio


@dataclass(frozen=True, kw_only=True)
class Accuracy(LabelMetric):
    """Share of right decisions among the known labels, pooled over labels.

    Attributes:
        one_label: Whether the metric is for tasks with one label only.
    """

    one_label: bool = False

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, 1); NaN where no label is known.

        Raises:
            BadRequest: When the task has more labels than allowed.
        """
        if self.one_label:
            require_one_label(data, self.id)
        c = confusion(data, weights, DECISION)
        right = (c.tp + c.tn).sum(axis=1, keepdims=True)
        return ratio(right, right + (c.fp + c.fn).sum(axis=1, keepdims=True))

    def floor(self, data: ClassificationInput) -> float:
        """That of always deciding for the majority class of each label."""
        present, absent = (data.labels == 1).sum(axis=0), (data.labels == 0).sum(axis=0)
        return float(ratio(np.maximum(present, absent).sum(), data.known.sum()))

    def per_sample(self, data: ClassificationInput) -> FloatArray:
        """Share of the known labels of each sample that are decided right."""
        right = ((data.scores > DECISION) == (data.labels == 1)) & data.known
        return ratio(right.sum(axis=1), data.known.sum(axis=1))


METRICS = (
    Accuracy(
        id="accuracy-top1",
        summary="Share of images of a task with one label whose two-way argmax is right.",
        formula="(TP + TN) / (TP + FP + FN + TN), present where score > 0.5",
        source="scikit-learn accuracy_score; equals the F1 of a two-class multiclass metric with "
        "micro averaging (torchmetrics' default), as some papers print it",
        averaging="micro",
        one_label=True,
    ),
    Accuracy(
        id="accuracy-elementwise@0.5",
        summary="Share of (image, label) pairs decided right at 0.5; 1 minus the Hamming loss.",
        formula="sum_c (TP_c + TN_c) / sum_c (TP_c + FP_c + FN_c + TN_c), present where score > "
        "0.5",
        source="scikit-learn 1 - hamming_loss",
        averaging="micro",
    ),
)
