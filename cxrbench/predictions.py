"""Predictions of one split: what a runner hands over and a metric scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.data.samples import Sample, Split


@dataclass(frozen=True)
class Predictions:
    """Scores of every sample of a split, beside what is known about it.

    Attributes:
        samples: N samples.
        names: C label names.
        labels: N×C: 1, 0 or NaN (unknown).
        scores: N×C float64 probabilities in 0..1.
    """

    samples: Sequence[Sample]
    names: tuple[str, ...]
    labels: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, split: Split, names: tuple[str, ...], scores: npt.NDArray[np.float64]
    ) -> Predictions:
        """Pair a split with its scores, in the same order."""
        return cls(split.samples, names, split.labels, scores)
