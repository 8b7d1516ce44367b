"""The Dice coefficient of masks, image by image and over all pixels together.

Dice of a predicted and a true mask is 2·|P∩T| / (|P| + |T|). Whether images or pixels are averaged,
and what an image without a true mask counts for, changes the number a lot where most images are
empty; so neither function is just called `dice`.

Arguments are N×H×W (or any other shape behind N): probabilities, and masks of 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def dice_per_image(
    probabilities: npt.ArrayLike,
    masks: npt.ArrayLike,
    threshold: float = 0.5,
    *,
    strict: bool = False,
) -> Floats:
    """Dice of each image.

    Of an image without a mask it is 1 where nothing is predicted and 0 where anything is. The mean
    over all images is the score of BenchX and CoGaze; MGCA takes `strict` and the mean over
    batches of their means, which is another number where the last batch is smaller.

    Args:
        probabilities: From 0 to 1.
        masks: 0 and 1.
        threshold: A pixel is predicted from here on.
        strict: Predicted above the threshold alone.

    Returns:
        N values from 0 to 1.
    """
    overlap, total = _areas(probabilities, masks, threshold, strict)
    return np.where(total > 0, 2 * overlap / np.maximum(total, 1), 1.0)


def dice_pooled(
    probabilities: npt.ArrayLike, masks: npt.ArrayLike, threshold: float = 0.5
) -> float:
    """Dice of the pixels of all images together: 2·TP / (2·TP + FP + FN) with summed counts.

    Images without a mask count by their false positives alone, and large masks count more than
    small ones. It is the Dice of torchmetrics with the background left out.

    Args:
        probabilities: From 0 to 1.
        masks: 0 and 1.
        threshold: A pixel is predicted from here on.

    Returns:
        From 0 to 1; NaN where nothing is predicted and every mask is empty.
    """
    overlap, total = _areas(probabilities, masks, threshold, strict=False)
    return float(2 * overlap.sum() / total.sum()) if total.any() else float("nan")


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
