"""Sensitivity and specificity at 0.5, and their mean, the balanced accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import Counted
from cxrbench.metrics.decisions import DECISION, confusion
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, ratio

_FLOORS = {"sensitivity": 1.0, "specificity": 1.0, "both": 0.5}


@dataclass(frozen=True, kw_only=True)
class Rate(LabelMetric):
    """Share of the positives called present, of the negatives called absent, or their mean.

    Attributes:
        of: Which of these.
    """

    of: Literal["sensitivity", "specificity", "both"]

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C); NaN where a label lacks the class, or one of the classes, that is counted."""
        c = confusion(data, weights, DECISION)
        if self.of == "sensitivity":
            return ratio(c.tp, c.tp + c.fn)
        if self.of == "specificity":
            return ratio(c.tn, c.tn + c.fp)
        return (ratio(c.tp, c.tp + c.fn) + ratio(c.tn, c.tn + c.fp)) / 2

    def counted(self, data: ClassificationInput) -> Counted:
        """For a rate of one class the images of that class alone."""
        if self.of == "both":
            return super().counted(data)
        own = data.labels == (1 if self.of == "sensitivity" else 0)
        by_name = dict(zip(data.names, own.sum(axis=0).tolist(), strict=True))
        return Counted(int(own.any(axis=1).sum()), by_name)

    def floor(self, data: ClassificationInput) -> float:
        """1 for a rate of one class: one answer for all images has it. 0.5 for both together."""
        defined = ~np.isnan(self.per_class(data)).all()
        return _FLOORS[self.of] if defined else float("nan")


METRICS = (
    Rate(
        id="sensitivity@0.5",
        summary="Share of the positive images called present at 0.5, mean over labels; means "
        "nothing without specificity@0.5.",
        formula="mean_c TP_c / (TP_c + FN_c), present where score > 0.5",
        source="scikit-learn recall_score(average='macro')",
        of="sensitivity",
    ),
    Rate(
        id="specificity@0.5",
        summary="Share of the negative images called absent at 0.5, mean over labels; means "
        "nothing without sensitivity@0.5.",
        formula="mean_c TN_c / (TN_c + FP_c), present where score > 0.5",
        source="scikit-learn recall_score(pos_label=0)",
        of="specificity",
    ),
    Rate(
        id="balanced-accuracy@0.5",
        summary="Mean of sensitivity and specificity at 0.5, mean over labels.",
        formula="mean_c (TP_c / (TP_c + FN_c) + TN_c / (TN_c + FP_c)) / 2, present where "
        "score > 0.5",
        source="Brodersen et al. 2010; scikit-learn balanced_accuracy_score",
        of="both",
    ),
)
