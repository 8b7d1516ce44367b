"""Predictions of one set of samples: what a runner hands over and a metric scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.data.samples import Sample, Split


@dataclass(frozen=True)
class Predictions:
    """What is known about every sample; the kinds of predictions stand beside it.

    Attributes:
        samples: N samples.
        names: C label names.
        labels: N×C: 1, 0 or NaN (unknown).
    """

    samples: Sequence[Sample]
    names: tuple[str, ...]
    labels: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class LabelScores(Predictions):
    """A score for every label of every sample.

    Attributes:
        scores: N×C float64 in 0..1; above 0.5 stands for present.
    """

    scores: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, split: Split, names: tuple[str, ...], scores: npt.NDArray[np.float64]
    ) -> LabelScores:
        """Pair a split with its scores, in the same order."""
        return cls(split.samples, names, split.labels, scores)


@dataclass(frozen=True)
class Similarities(Predictions):
    """How well every image fits every text; text i is the one of image i.

    Attributes:
        values: N×N float32, an image a row; higher where they fit.
    """

    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Masks(Predictions):
    """A predicted and a true mask for every sample, packed (see `cxrbench.data.packed`).

    Attributes:
        shapes: Height and width of each.
        predicted: N packed masks.
        true: N packed masks.
    """

    shapes: Sequence[tuple[int, int]]
    predicted: Sequence[bytes]
    true: Sequence[bytes]


@dataclass(frozen=True)
class Texts(Predictions):
    """A generated report for every sample, and the one that was written.

    Attributes:
        generated: N texts.
        references: N texts.
        cut_to: Tokens of the generator after which references are cut; None: they are whole.
    """

    generated: Sequence[str]
    references: Sequence[str]
    cut_to: int | None = None
