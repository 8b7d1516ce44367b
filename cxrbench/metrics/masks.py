"""What segmentation metrics are computed from: the pixels of each image, counted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from cxrbench.data.packed import unpack_mask
from cxrbench.data.regions import Mask
from cxrbench.errors import BadRequest, RunError
from cxrbench.metrics.base import BaseMetric
from cxrbench.metrics.ranking import FloatArray, IntArray
from cxrbench.metrics.surfaces import hausdorff95
from cxrbench.metrics.weights import sample_weights
from cxrbench.predictions import Masks

CLASSES = ("background", "foreground")


@dataclass(frozen=True, eq=False)
class Distances:
    """Hausdorff distances of N images in pixels, see `hausdorff95`.

    Attributes:
        found: Between the predicted and the true mask.
        empty: Between no mask and the true one.
        full: Between the whole image and the true mask.
    """

    found: FloatArray
    empty: FloatArray
    full: FloatArray

    def take(self, rows: IntArray) -> Distances:
        """Those of some images, in that order."""
        return Distances(self.found[rows], self.empty[rows], self.full[rows])


@dataclass(frozen=True, eq=False)
class MaskInput:
    """The outcome of every pixel, added up image by image: N values each.

    Attributes:
        tp: Marked pixels that are predicted.
        fp: Unmarked pixels that are predicted.
        fn: Marked pixels that are not predicted.
        tn: Unmarked pixels that are not predicted.
        distances: Between the masks; None where they were not asked for.

    Raises:
        RunError: When the counts do not fit each other.
    """

    tp: FloatArray
    fp: FloatArray
    fn: FloatArray
    tn: FloatArray
    distances: Distances | None = None

    def __post_init__(self) -> None:
        """Convert to float64 and check."""
        counts = {name: np.asarray(getattr(self, name), np.float64) for name in _COUNTS}
        shapes = {array.shape for array in counts.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1 or not len(self.tp):
            raise RunError(
                "pixel counts do not fit each other",
                why=f"their shapes are {sorted(shapes)}",
                fix="give one number an image, of one image at least",
            )
        for name, array in counts.items():
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, masks: Masks, distances: bool = False) -> MaskInput:
        """Unpack the masks of one image after the other, and count.

        Args:
            masks: Predicted and true masks.
            distances: Whether to measure distances too, which takes longer.
        """
        counts, measured = [], []
        for shape, predicted, true in zip(masks.shapes, masks.predicted, masks.true, strict=True):
            pair = unpack_mask(predicted, shape), unpack_mask(true, shape)
            counts.append(count(*pair))
            if distances:
                measured.append(_distances(*pair))
        found = None
        if distances:
            found = Distances(*np.asarray(measured, np.float64).reshape(-1, 3).T)
        tp, fp, fn, tn = np.asarray(counts, np.float64).reshape(-1, 4).T
        return cls(tp, fp, fn, tn, found)

    @property
    def names(self) -> Sequence[str]:
        """What metrics that average over classes average over."""
        return CLASSES

    @property
    def n(self) -> int:
        """All images."""
        return len(self)

    @property
    def n_by_name(self) -> dict[str, int]:
        """Images in which the truth has pixels of each class."""
        there = (self.fp + self.tn > 0, self.positive)
        return dict(zip(CLASSES, (int(found.sum()) for found in there), strict=True))

    def __len__(self) -> int:
        return len(self.tp)

    def take(self, rows: IntArray) -> MaskInput:
        """Some of the images, in that order."""
        kept = None if self.distances is None else self.distances.take(rows)
        return MaskInput(self.tp[rows], self.fp[rows], self.fn[rows], self.tn[rows], kept)

    @cached_property
    def positive(self) -> npt.NDArray[np.bool_]:
        """(N,) where there is a true mask."""
        return self.tp + self.fn > 0

    @cached_property
    def predicted(self) -> npt.NDArray[np.bool_]:
        """(N,) where anything is predicted."""
        return self.tp + self.fp > 0

    @property
    def constants(self) -> tuple[MaskInput, MaskInput]:
        """The same images, with nothing predicted on any and with all of each predicted."""
        true, rest, none = self.tp + self.fn, self.fp + self.tn, np.zeros(len(self))
        known = self.distances
        empty = known and replace(known, found=known.empty)
        full = known and replace(known, found=known.full)
        return (
            MaskInput(none, none, true, rest, distances=empty),
            MaskInput(true, rest, none, none, distances=full),
        )

    @property
    def shares(self) -> MaskInput:
        """Pixels as shares of the mean image: pooled metrics stay what they are."""
        area = float((self.tp + self.fp + self.fn + self.tn).mean())
        tp, fp, fn, tn = (counts / area for counts in (self.tp, self.fp, self.fn, self.tn))
        return MaskInput(tp, fp, fn, tn, self.distances)

    @property
    def hausdorff(self) -> FloatArray:
        """(N,) distance between the masks in pixels; NaN where there is no true one.

        Raises:
            BadRequest: When distances were not measured.
        """
        if self.distances is None:
            raise BadRequest(
                "distances between masks are not known here",
                why="only pixels were counted",
                fix="select by a metric of pixels, and ask for distances in `metrics`",
            )
        return self.distances.found

    def weights(self, weights: npt.ArrayLike | None) -> FloatArray:
        """`weights` as float64 (R, N); None stands for one replicate of ones.

        Raises:
            RunError: When the shape does not fit.
        """
        return sample_weights(weights, len(self))


@dataclass(frozen=True, kw_only=True)
class MaskMetric(BaseMetric[MaskInput]):
    """A metric of masks."""

    averaging: Literal["macro", "micro"] = "micro"

    @property
    def input_type(self) -> type[MaskInput]:
        """Pixel counts."""
        return MaskInput

    def floor(self, data: MaskInput) -> float:
        """The better of predicting nothing on any image and all of each."""
        values = [float(self.aggregate(self.per_class(other))[0]) for other in data.constants]
        known = [value for value in values if not np.isnan(value)]
        if not known:
            return float("nan")
        return max(known) if self.higher_is_better else min(known)

    def exchangeable(self, data: MaskInput) -> MaskInput:
        """Shares of an image, so that a model whose images are larger has no more say."""
        return data.shares


@dataclass(frozen=True, kw_only=True)
class PooledMetric(MaskMetric):
    """An overlap of the pixels of all images together.

    Undefined (NaN) for a class of which the truth has no pixel, so that which classes enter a mean
    depends on the data alone and is the same for every model.

    Attributes:
        background: Whether the mean with the overlap of the background is taken.
    """

    background: bool = False

    @abstractmethod
    def overlap(self, hit: FloatArray, missed: FloatArray) -> FloatArray:
        """(R,) from the pixels that both mark, and those that one of both marks."""

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1), or (R, 2) with the background first; NaN where the truth has no such pixel."""
        w = data.weights(weights)
        tp, fp, fn, tn = (w @ counts for counts in (data.tp, data.fp, data.fn, data.tn))
        foreground = np.where(tp + fn > 0, self.overlap(tp, fp + fn), np.nan)
        if not self.background:
            return foreground[:, None]
        background = np.where(tn + fp > 0, self.overlap(tn, fp + fn), np.nan)
        return np.stack([background, foreground], axis=1)


def count(predicted: Mask, true: Mask) -> tuple[int, int, int, int]:
    """True and false positives, false and true negatives among the pixels of one image."""
    both = int(np.count_nonzero(predicted & true))
    marked, found = int(np.count_nonzero(true)), int(np.count_nonzero(predicted))
    return both, found - both, marked - both, true.size - marked - found + both


_COUNTS = ("tp", "fp", "fn", "tn")


def _distances(predicted: Mask, true: Mask) -> tuple[float, float, float]:
    if not true.any():
        return (np.nan, np.nan, np.nan)
    return (
        hausdorff95(predicted, true),
        hausdorff95(np.zeros_like(true), true),
        hausdorff95(np.ones_like(true), true),
    )
