"""Classification losses over labels with gaps.

The losses of labels take logits and targets of shape B×C, those of two classes the logits of absent
and present (B×2) and one label each (B). Targets are 1, 0 or NaN (unknown, left out of the mean),
and each returns the mean over the known entries; 0 where none is known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor


def bce(logits: Tensor, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy, optionally weighted by class (C weights) or by entry (B×C, B×1)."""
    return _masked_mean(*_entries(logits, targets), class_weights)


def focal(
    logits: Tensor, targets: Tensor, gamma: float, class_weights: Tensor | None = None
) -> Tensor:
    """Focal loss, (1 - p_t)^gamma * BCE with p_t = exp(-BCE), weighted as `bce`.

    Source: the released downstream trainer of CoGaze (gamma 0.2); the form of Lin et al. 2017
    without alpha.
    """
    losses, known = _entries(logits, targets)
    # p_t never reaches 1 exactly, or the gradient of a power below one would be infinite there.
    modulator = (1 - torch.exp(-losses)).clamp_min(torch.finfo(losses.dtype).tiny) ** gamma
    return _masked_mean(modulator * losses, known, class_weights)


def two_class_focal(
    logits: Tensor, labels: Tensor, gamma: float, class_weights: Tensor | None = None
) -> Tensor:
    """Focal loss of each of two logits against the one-hot label, weighted by the sample's class.

    The mean is over both logits of every known sample. Source: the released downstream trainer of
    CoGaze for tasks of two classes; gamma 0 is its `sigmoid` option.

    Args:
        logits: B×2, absent and present.
        labels: B.
        gamma: See `focal`.
        class_weights: 2, or None for equal ones.
    """
    own = None if class_weights is None else weights_of_classes(labels, class_weights)[:, None]
    return focal(logits, torch.stack([1 - labels, labels], dim=1), gamma, own)


def two_class_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax cross-entropy of two logits (B×2, absent and present) and B labels."""
    known = ~torch.isnan(labels)
    classes = torch.where(known, labels, torch.zeros_like(labels)).long()
    return _masked_mean(F.cross_entropy(logits.float(), classes, reduction="none"), known, None)


def weights_of_classes(labels: Tensor, class_weights: Tensor) -> Tensor:
    """The weight of the class of each sample; that of absent where it is not known.

    Args:
        labels: Of any shape.
        class_weights: 2, of absent and present.
    """
    return class_weights[(labels == 1).long()]


def effective_number_weights(counts: npt.ArrayLike, beta: float, eps: float = 0.0) -> Tensor:
    """Class-balanced weights (1 - beta) / (1 - beta^n + eps), scaled to sum to C.

    Args:
        counts: Samples of each of C classes in the training split. A class without any counts as
            one: with the bare formula it would take nearly the whole sum.
        beta: Overlap of samples, 0.9999 in CoGaze. Source: Cui et al. 2019.
        eps: Added to the denominator; 1e-8 in the pretraining of CoGaze.
    """
    # float64: beta^n in float32 shifts the weights by up to 6e-5 of the largest.
    seen = np.maximum(np.asarray(counts, dtype=np.float64), 1)
    weights = (1 - beta) / (1 - np.power(beta, seen) + eps)
    return torch.from_numpy(weights / weights.sum() * len(weights)).to(torch.float32)


def _entries(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    known = ~torch.isnan(targets)
    filled = torch.where(known, targets, torch.zeros_like(targets))
    losses = F.binary_cross_entropy_with_logits(logits.float(), filled, reduction="none")
    return losses, known


def _masked_mean(losses: Tensor, known: Tensor, class_weights: Tensor | None) -> Tensor:
    if class_weights is not None:
        losses = losses * class_weights
    return (losses * known).sum() / known.sum().clamp_min(1)
