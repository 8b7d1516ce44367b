"""What classification metrics are computed from: checked scores and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cxrbench.errors import DataError, RunError
from cxrbench.metrics.ranking import FloatArray, IntArray, Ranking, pooled, rank, ratio
from cxrbench.metrics.weights import sample_weights


@dataclass(frozen=True, eq=False)
class ClassificationInput:
    """Scores and labels of one split, checked and made read-only.

    A task with one label is binary; its negative class has the score `1 - score`.

    Attributes:
        scores: (N, C) probabilities in 0..1, float64.
        labels: (N, C) 1 (present), 0 (absent) or NaN (unknown: skipped), float64.
        names: The C label names, in the order of the columns.
        thresholds: (C,) thresholds in 0..1 chosen on the validation split, or None.

    Raises:
        RunError: When scores or thresholds have a wrong shape, are not finite or leave 0..1.
        DataError: When labels are anything else than 1, 0 or NaN, or the names do not fit.
    """

    scores: FloatArray
    labels: FloatArray
    names: Sequence[str]
    thresholds: FloatArray | None = None

    def __post_init__(self) -> None:
        """Convert to read-only float64 and check."""
        scores, labels = _frozen(self.scores), _frozen(self.labels)
        _check_probabilities(scores, "scores", ndim=2)
        if labels.shape != scores.shape:
            raise DataError(
                "labels do not fit the scores",
                why=f"labels have shape {labels.shape}, scores have shape {scores.shape}",
                fix="give one row a sample and one column a label in both",
            )
        if not bool(np.all(np.isnan(labels) | (labels == 0) | (labels == 1))):
            raise DataError(
                "labels are not 1, 0 or NaN",
                why="found another value in the label matrix",
                fix="encode present as 1, absent as 0 and unknown as NaN",
            )
        if len(self.names) != scores.shape[1] or len(set(self.names)) != len(self.names):
            raise DataError(
                "label names do not fit the scores",
                why=f"{len(self.names)} names ({len(set(self.names))} distinct) "
                f"for {scores.shape[1]} columns",
                fix="name each column once, in order",
            )
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "names", tuple(self.names))
        if self.thresholds is not None:
            thresholds = _frozen(self.thresholds)
            _check_probabilities(thresholds, "thresholds", ndim=1)
            if thresholds.size != scores.shape[1]:
                raise RunError(
                    "thresholds do not fit the scores",
                    why=f"{thresholds.size} thresholds for {scores.shape[1]} columns",
                    fix="choose one threshold a label on the validation split",
                )
            object.__setattr__(self, "thresholds", thresholds)

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """(N, C) where the label is known."""
        return ~np.isnan(self.labels)

    @property
    def n(self) -> int:
        """Samples with at least one known label."""
        return int(self.known.any(axis=1).sum())

    @property
    def n_by_name(self) -> dict[str, int]:
        """Samples whose label is known, for each label."""
        return dict(zip(self.names, self.known.sum(axis=0).tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: IntArray) -> ClassificationInput:
        """Some of the samples, in that order; thresholds stay."""
        return ClassificationInput(
            self.scores[rows], self.labels[rows], self.names, self.thresholds
        )

    @property
    def prevalence(self) -> FloatArray:
        """(C,) fraction of positives among the known labels; NaN where none is known."""
        return ratio((self.labels == 1).sum(axis=0), self.known.sum(axis=0))

    @cached_property
    def rankings(self) -> tuple[Ranking, ...]:
        """One ranking a label; sorted once, shared by all metrics and bootstrap blocks."""
        return tuple(rank(s, y) for s, y in zip(self.scores.T, self.labels.T, strict=True))

    @cached_property
    def pooled_ranking(self) -> Ranking:
        """All (sample, label) pairs in one ranking."""
        return pooled(self.scores, self.labels)

    def weights(self, weights: npt.ArrayLike | None) -> FloatArray:
        """`weights` as float64 (R, N); None stands for one replicate of ones.

        Raises:
            RunError: When the shape does not fit.
        """
        return sample_weights(weights, len(self))


def _frozen(values: npt.ArrayLike) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def _check_probabilities(values: FloatArray, name: str, *, ndim: int) -> None:
    """Raise a RunError unless `values` is not empty, `ndim`-dimensional, finite, in 0..1."""
    if values.ndim != ndim or values.size == 0:
        why = f"expected a non-empty array of {ndim} dimension(s), found shape {values.shape}"
    elif not bool(np.isfinite(values).all()):
        why = f"{int((~np.isfinite(values)).sum())} of {values.size} values are NaN or infinite"
    elif values.min() < 0 or values.max() > 1:
        why = f"values span {values.min():.6g} to {values.max():.6g}"
    else:
        return
    raise RunError(
        f"{name} are not probabilities",
        why=why,
        fix="apply the sigmoid or softmax to the logits and check that training did not diverge",
    )
