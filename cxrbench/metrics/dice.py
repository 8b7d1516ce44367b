"""The Dice coefficient of masks, image by image and over all pixels together.

Dice of a predicted and a true mask is 2·|P∩T| / (|P| + |T|). Whether images or pixels are averaged,
and what an image without a true mask counts for, changes the number a lot where most images are
empty; so nothing here is just called `dice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.masks import MaskInput, MaskMetric, PooledMetric
from cxrbench.metrics.ranking import FloatArray, ratio

Floats = npt.NDArray[np.float64]


def dice(overlap: npt.ArrayLike, total: npt.ArrayLike) -> FloatArray:
    """Dice from pixels of the overlap, and of both masks added; NaN where both are empty."""
    return ratio(2 * np.asarray(overlap, np.float64), total)


def dice_per_image(
    probabilities: npt.ArrayLike,
    masks: npt.ArrayLike,
    threshold: float = 0.5,
    *,
    strict: bool = False,
) -> Floats:
    """Dice of each image; of one without a mask 1 where nothing is predicted, else 0.

    The mean over all images is the score of CoGaze; BenchX adds up the pixels of all images. MGCA
    takes `strict` and the mean over batches of their means, which is another number where the last
    batch is smaller.

    Args:
        probabilities: N×H×W (or any other shape behind N), from 0 to 1.
        masks: 0 and 1.
        threshold: A pixel is predicted from here on.
        strict: Predicted above the threshold alone.

    Returns:
        N values from 0 to 1.
    """
    overlap, total = _areas(probabilities, masks, threshold, strict)
    return _empty_is_one(dice(overlap, total))


def dice_pooled(
    probabilities: npt.ArrayLike, masks: npt.ArrayLike, threshold: float = 0.5
) -> float:
    """Dice of the pixels of all images together: 2·TP / (2·TP + FP + FN) with summed counts.

    Images without a mask count by their false positives alone, and large masks count more than
    small ones. It is the Dice of torchmetrics with the background left out.

    Args:
        probabilities: N×H×W (or any other shape behind N), from 0 to 1.
        masks: 0 and 1.
        threshold: A pixel is predicted from here on.

    Returns:
        From 0 to 1; NaN where nothing is predicted and every mask is empty.
    """
    overlap, total = _areas(probabilities, masks, threshold, strict=False)
    return float(dice(overlap.sum(), total.sum()))


def _empty_is_one(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), 1.0, values)


def _areas(
    probabilities: npt.ArrayLike, masks: npt.ArrayLike, threshold: float, strict: bool
) -> tuple[Floats, Floats]:
    """Pixels of the overlap, and of prediction and truth added, N each."""
    given, true = _flat(probabilities), _flat(masks) > 0.5
    predicted = given > threshold if strict else given >= threshold
    overlap = (predicted & true).sum(axis=1)
    return overlap.astype(np.float64), (predicted.sum(axis=1) + true.sum(axis=1)).astype(np.float64)


def _flat(values: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(values)
    return array.reshape(len(array), -1)


@dataclass(frozen=True, kw_only=True)
class DiceImage(MaskMetric):
    """Mean over images of the Dice of each.

    Attributes:
        images: `all`: one without a true mask counts 1 where nothing is predicted, else 0;
            `positive`: such images are left out.
    """

    images: Literal["all", "positive"]

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where no image counts."""
        values, w = self.per_sample(data), data.weights(weights)
        counts = ~np.isnan(values)
        return ratio(w @ np.where(counts, values, 0.0), w @ counts)[:, None]

    def per_sample(self, data: MaskInput) -> FloatArray:
        """(N,), NaN where an image does not count."""
        values = _empty_is_one(dice(data.tp, 2 * data.tp + data.fp + data.fn))
        return values if self.images == "all" else np.where(data.positive, values, np.nan)


@dataclass(frozen=True, kw_only=True)
class DicePooled(PooledMetric):
    """Dice of the pixels of all images together."""

    def overlap(self, hit: FloatArray, missed: FloatArray) -> FloatArray:
        """See `PooledMetric.overlap`."""
        return dice(hit, 2 * hit + missed)


METRICS = (
    DiceImage(
        id="dice-image-empty1",
        summary="Mean Dice of all images; one without a true mask counts 1 if left empty, else 0.",
        formula="mean_i 2 |P_i n T_i| / (|P_i| + |T_i|), 1 where both are empty",
        source="the one downstream trainer that is known to select epochs by it, as released",
        images="all",
    ),
    DiceImage(
        id="dice-image-positives",
        summary="Mean Dice of the images that have a true mask.",
        formula="mean over i with |T_i| > 0 of 2 |P_i n T_i| / (|P_i| + |T_i|)",
        source="Dice 1945, image by image",
        images="positive",
    ),
    DicePooled(
        id="dice-pooled-fg",
        summary="Dice of the marked pixels of all images together.",
        formula="2 TP / (2 TP + FP + FN), pixels of all images added up",
        source="torchmetrics Dice without the background",
    ),
    DicePooled(
        id="mdice-pooled-with-bg",
        summary="Mean of the pooled Dice of background and of marked pixels.",
        formula="(2 TN / (2 TN + FP + FN) + 2 TP / (2 TP + FP + FN)) / 2, pixels added up",
        source="mDice of MMSegmentation, which BenchX reports",
        averaging="macro",
        background=True,
    ),
)
