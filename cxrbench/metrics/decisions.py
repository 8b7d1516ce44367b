"""From scores to yes or no: the decision rule and the weighted confusion counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.errors import BadRequest
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.ranking import FloatArray

DECISION = 0.5
"""Above it a label is called present; the argmax of the two-way decision."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """Weighted counts of the four outcomes, (R, C) each; unknown labels are left out."""

    tp: FloatArray
    fp: FloatArray
    fn: FloatArray
    tn: FloatArray


def confusion(
    data: ClassificationInput, weights: npt.ArrayLike | None, threshold: float | None
) -> Confusion:
    """Count decisions under (R, N) weights.

    A label is called present where its score is strictly above the threshold. At 0.5 this is the
    argmax of the two-way decision, which takes an exact tie for absent.

    Args:
        data: N samples, C labels.
        weights: (R, N) sample weights, or None.
        threshold: One threshold in 0..1 for all labels; None: those of `data.thresholds`.

    Raises:
        BadRequest: When thresholds are needed and `data` has none.
    """
    limits = data.thresholds if threshold is None else np.asarray(threshold)
    if limits is None:
        raise BadRequest(
            "no thresholds to decide with",
            why="the metric needs thresholds chosen on the validation split",
            fix="pass thresholds=choose_thresholds(validation scores, validation labels)",
        )
    called = data.scores > limits
    w = data.weights(weights)

    def total(outcome: npt.NDArray[np.bool_]) -> FloatArray:
        return np.asarray(w @ outcome.astype(np.float64))

    present, absent = data.labels == 1, data.labels == 0
    return Confusion(
        tp=total(called & present),
        fp=total(called & absent),
        fn=total(~called & present),
        tn=total(~called & absent),
    )


def require_one_label(data: ClassificationInput, metric_id: str) -> None:
    """Refuse a binary metric on a multi-label task.

    Raises:
        BadRequest: When there is more than one label.
    """
    if len(data.names) != 1:
        raise BadRequest(
            f"{metric_id} is not defined here",
            why=f"it is a metric of tasks with one label, this one has {len(data.names)}",
            fix="ask for a macro, micro or element-wise metric",
        )
