"""Losses of masks: logits against masks of 0 and 1, both B×H×W or B×1×H×W.

Source of the focal and Dice loss: the released downstream trainer of CoGaze (arXiv 2603.26049). All
are computed in full precision, whatever precision the network ran in.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cxrbench.training.losses import focal

GAMMA = 2.0
FOCAL_WEIGHT = 10.0
_EPS = 1e-8


def focal_and_batch_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """Scalar: ten times a focal loss, minus the logarithm of the Dice of the whole batch."""
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = _full(logits, masks)
        return _loss(logits, masks, batch_dice(logits.sigmoid(), masks))


def focal_and_image_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """Scalar: ten times a focal loss, minus the logarithm of the mean Dice of the images."""
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = _full(logits, masks)
        return _loss(logits, masks, image_dice(logits.sigmoid(), masks).mean())


def cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Scalar: the mean over pixels of the binary cross-entropy.

    Where the logit is the difference of two, this is the cross-entropy of their softmax.
    """
    with torch.autocast(logits.device.type, enabled=False):
        return F.binary_cross_entropy_with_logits(*_full(logits, masks))


def batch_dice(probabilities: Tensor, masks: Tensor) -> Tensor:
    """Scalar: (2·Σpt + 1) / (Σp + Σt + 1) over all pixels of the batch; 0 to 1."""
    return (2 * (probabilities * masks).sum() + 1) / (probabilities.sum() + masks.sum() + 1)


def image_dice(probabilities: Tensor, masks: Tensor) -> Tensor:
    """B: the same for each image, and the mean of 1 - p where the mask is empty."""
    p, t = probabilities.flatten(1), masks.flatten(1)
    dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    return dice.where(t.sum(1) > 0, (1 - p).mean(1))


def _loss(logits: Tensor, masks: Tensor, dice: Tensor) -> Tensor:
    pixels = focal(logits.flatten(1), masks.flatten(1), GAMMA)
    return FOCAL_WEIGHT * pixels - (dice + _EPS).log()


def _full(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Half precision to float32; the masks in the type of the logits."""
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return logits, masks.to(logits.dtype)
