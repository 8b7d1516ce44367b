"""F1 of the positive class, under every spelled-out averaging and threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.decisions import confusion, require_one_label
from cxrbench.metrics.exchange import decided
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.ranking import FloatArray, ratio

_SOURCE = "van Rijsbergen 1979; scikit-learn f1_score(average='{}')"


@dataclass(frozen=True, kw_only=True)
class F1(LabelMetric):
    """Harmonic mean of precision and recall of the positive class.

    Undefined (NaN) where a label has no positive sample, so that which labels enter a mean depends
    on the data alone and is the same for every model. (scikit-learn gives 0 there.)

    Attributes:
        threshold: Decision threshold of every label; None: chosen on the validation split.
        one_label: Whether the metric is for tasks with one label only.
    """

    threshold: float | None = 0.5
    one_label: bool = False

    def per_class(
        self, data: ClassificationInput, weights: npt.ArrayLike | None = None
    ) -> FloatArray:
        """(R, C), or (R, 1) when labels are pooled; NaN without positives.

        Raises:
            BadRequest: When thresholds are missing, or the task has more labels than allowed.
        """
        if self.one_label:
            require_one_label(data, self.id)
        counts = confusion(data, weights, self.threshold)
        tp, fp, fn = counts.tp, counts.fp, counts.fn
        if self.averaging == "micro":
            tp, fp, fn = (x.sum(axis=1, keepdims=True) for x in (tp, fp, fn))
        return np.where(tp + fn > 0, ratio(2 * tp, 2 * tp + fp + fn), np.nan)

    def floor(self, data: ClassificationInput) -> float:
        """That of calling labels present on every image: all of them, or, pooled, the best few."""
        prior = data.prevalence
        if self.averaging == "macro":
            f1 = ratio(2 * prior, 1 + prior)
            return float(self.aggregate(np.where(prior > 0, f1, np.nan)[None])[0])
        # Pooled F1 is best when the labels called present are the most prevalent ones.
        order = np.argsort(-np.nan_to_num(prior))
        positives = (data.labels == 1).sum(axis=0)[order]
        called = np.cumsum(data.known.sum(axis=0)[order])
        if not positives.any():
            return float("nan")
        return float(np.nanmax(ratio(2 * np.cumsum(positives), called + positives.sum())))

    def exchangeable(self, data: ClassificationInput) -> ClassificationInput:
        """Decisions, where each model has thresholds of its own."""
        return decided(data) if self.threshold is None else data


def choose_thresholds(scores: npt.ArrayLike, labels: npt.ArrayLike) -> FloatArray:
    """Thresholds that maximise the F1 of each label; for the VALIDATION split.

    Candidates are 0 and every distinct score, a label is called present strictly above its
    threshold, and of equally good candidates the lowest wins.

    Args:
        scores: (N, C) probabilities.
        labels: (N, C) 1, 0 or NaN (skipped).

    Returns:
        (C,) thresholds; 0.5 for a label without positives, where no choice is better than another.

    Raises:
        RunError: When the scores are not probabilities.
        DataError: When the labels do not fit them.
    """
    columns = np.shape(scores)[1] if np.ndim(scores) == 2 else 0
    data = ClassificationInput(
        np.asarray(scores), np.asarray(labels), [str(i) for i in range(columns)]
    )
    pairs = zip(data.scores.T, data.labels.T, strict=True)
    return np.array([_best_threshold(s, y) for s, y in pairs])


def _best_threshold(scores: FloatArray, labels: FloatArray) -> float:
    positives = np.sort(scores[labels == 1])
    known = np.sort(scores[~np.isnan(labels)])
    if positives.size == 0:
        return 0.5
    candidates = np.unique(np.r_[0.0, known])
    tp = positives.size - np.searchsorted(positives, candidates, side="right")
    called = known.size - np.searchsorted(known, candidates, side="right")
    # argmax returns the first, so the lowest, of equal candidates.
    return float(candidates[np.argmax(2 * tp / (called + positives.size))])


METRICS = (
    F1(
        id="f1-binary@0.5",
        summary="F1 of the positive class of a task with one label, decided at 0.5 (argmax).",
        formula="2 TP / (2 TP + FP + FN), present where score > 0.5",
        source=_SOURCE.format("binary"),
        one_label=True,
    ),
    F1(
        id="f1-macro@0.5",
        summary="F1 of the positive class of each label, decided at 0.5, mean over labels.",
        formula="mean_c 2 TP_c / (2 TP_c + FP_c + FN_c), present where score > 0.5",
        source=_SOURCE.format("macro"),
    ),
    F1(
        id="f1-micro@0.5",
        summary="F1 of the positive class with the counts of all labels pooled, decided at 0.5.",
        formula="2 sum TP_c / (2 sum TP_c + sum FP_c + sum FN_c), present where score > 0.5",
        source=_SOURCE.format("micro"),
        averaging="micro",
    ),
    F1(
        id="f1-macro@val-threshold",
        summary="F1 of each label at the threshold that was best on the validation split, mean "
        "over labels.",
        formula="mean_c 2 TP_c / (2 TP_c + FP_c + FN_c), present where score > t_c",
        source="Lipton et al. 2014 (thresholds that maximise F1); " + _SOURCE.format("macro"),
        threshold=None,
    ),
    F1(
        id="f1-binary@val-threshold",
        summary="F1 of the positive class of a task with one label, at the threshold that was best "
        "on the validation split.",
        formula="2 TP / (2 TP + FP + FN), present where score > t",
        source="Lipton et al. 2014 (thresholds that maximise F1); " + _SOURCE.format("binary"),
        threshold=None,
        one_label=True,
    ),
)
