"""The linear classification head and its losses, as the released downstream trainer has them."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from cxrbench.training.losses import two_class_cross_entropy

from ..losses.labels import binary_focal, focal, weighted_bce

LossKind = Literal["focal", "sigmoid", "cross_entropy"]
GAMMA = 0.2


class ClassificationHead(nn.Module):
    """One linear layer on the mean of the latents, under the key `disease_head_2class`.

    Args:
        dim: D.
        classes: C: 2 for a binary task (one logit a class), else one logit a label.
    """

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.disease_head_2class = nn.Linear(dim, classes)

    def forward(self, latents: Tensor, context: Tensor | None = None) -> Tensor:
        """Classify images.

        Args:
            latents: B×M×D vision latents.
            context: B×M×D context latents, which then enter the mean too (an option of the
                released code, off by default).

        Returns:
            B×C logits.
        """
        tokens = latents if context is None else torch.cat([latents, context], dim=1)
        out: Tensor = self.disease_head_2class(tokens.mean(dim=1))
        return out


def two_class_loss(
    logits: Tensor, labels: Tensor, weights: Tensor | None, kind: LossKind = "focal"
) -> Tensor:
    """The loss of a binary task.

    Args:
        logits: B×2.
        labels: B int64, 0 or 1.
        weights: 2 class weights, or None. `cross_entropy` does not use them, as released.
        kind: `focal` and `sigmoid` compare each logit with the one-hot label; `cross_entropy` is
            the softmax one.

    Returns:
        Scalar.
    """
    if kind == "cross_entropy":
        return two_class_cross_entropy(logits, labels.float())
    return binary_focal(logits, labels, weights, GAMMA if kind == "focal" else 0.0)


def multi_label_loss(
    logits: Tensor, targets: Tensor, weights: Tensor | None, kind: LossKind = "focal"
) -> Tensor:
    """The loss of a task with several labels.

    Args:
        logits: B×C.
        targets: B×C: 1, 0 or NaN.
        weights: C label weights, or None. `cross_entropy` does not use them, as released.
        kind: `cross_entropy` is the unweighted binary one here.

    Returns:
        Scalar, the mean over the known entries.
    """
    if kind == "focal":
        return focal(logits, targets, weights, GAMMA)
    return weighted_bce(logits, targets, weights if kind == "sigmoid" else None)
