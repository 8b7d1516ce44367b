"""Losses over the fourteen labels, and over the classes of a downstream task.

Targets are 1, 0 or NaN (unknown), and unknown entries are left out of the mean. The reference has
no unknown ones.
"""

from __future__ import annotations

import numpy.typing as npt
from torch import Tensor

from cxrbench.training import losses

from .precision import without_autocast


def class_weights(
    counts: npt.ArrayLike | Tensor, beta: float = 0.9999, eps: float = 1e-8
) -> Tensor:
    """Class-balanced weights (1 - beta) / (1 - beta^n + eps), scaled to sum to C.

    Source: Cui et al. 2019, with `eps` as released (0 for the downstream trainer).

    Args:
        counts: C positives in the training split.
        beta: From 0 to below 1.
        eps: Added to the denominator.

    Returns:
        C float32.
    """
    return losses.effective_number_weights(counts, beta, eps)


def weighted_bce(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Binary cross-entropy weighted by class; the loss that the released pretraining uses.

    Args:
        logits: B×C.
        targets: B×C: 1, 0 or NaN.
        weights: C, or None for equal ones.

    Returns:
        Scalar, the mean over the known entries; 0 where none is known.
    """
    with without_autocast(logits):
        return losses.bce(logits, targets.float(), weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """Class-balanced focal loss, the one of the paper (equation 5), without alpha.

    Args:
        logits: B×C.
        targets: B×C: 1, 0 or NaN.
        weights: C, or None for equal ones.
        gamma: How much easy entries are toned down; 0.2 in the released code.

    Returns:
        Scalar, the mean over the known entries; 0 where none is known.
    """
    with without_autocast(logits):
        return losses.focal(logits, targets.float(), gamma, weights)


def binary_focal(logits: Tensor, labels: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """Focal loss of two logits against the one-hot label, weighted by the sample's class.

    Source: the released downstream trainer for tasks of two classes; gamma 0 gives its `sigmoid`
    option.

    Args:
        logits: B×2.
        labels: B int64, 0 or 1.
        weights: 2, or None for equal ones.
        gamma: See `focal`.

    Returns:
        Scalar, the mean over the 2·B entries.
    """
    with without_autocast(logits):
        return losses.two_class_focal(logits, labels.float(), gamma, weights)
