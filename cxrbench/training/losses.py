"""Classification losses over labels with gaps.

Each takes logits and targets of shape B×C, targets 1, 0 or NaN (unknown, left out of the mean),
and returns the mean over the known entries.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor


def bce(logits: Tensor, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy, optionally weighted by class (weights of shape C)."""
    return _masked_mean(*_entries(logits, targets), class_weights)


def focal(
    logits: Tensor, targets: Tensor, gamma: float, class_weights: Tensor | None = None
) -> Tensor:
    """Focal loss, (1 - p_t)^gamma * BCE with p_t = exp(-BCE), optionally weighted by class.

    Source: the released downstream trainer of CoGaze (gamma 0.2); the form of Lin et al. 2017
    without alpha.
    """
    losses, known = _entries(logits, targets)
    # p_t never reaches 1 exactly, or the gradient of a power below one would be infinite there.
    modulator = (1 - torch.exp(-losses)).clamp_min(torch.finfo(losses.dtype).tiny) ** gamma
    return _masked_mean(modulator * losses, known, class_weights)


def effective_number_weights(counts: npt.NDArray[np.int64], beta: float) -> Tensor:
    """Class-balanced weights (1 - beta) / (1 - beta^n), scaled to sum to the number of classes.

    Args:
        counts: Positives of each class in the training split; a class without any counts as one.
        beta: Overlap of samples, 0.9999 in CoGaze. Source: Cui et al. 2019.
    """
    # float64: beta^n in float32 shifts the weights by up to 6e-5 of the largest.
    weights = (1 - beta) / (1 - np.power(beta, np.maximum(counts, 1).astype(np.float64)))
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
