"""Grad-CAM: the patches whose features raise a score, by the gradient of the score.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, equations 1 and 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cxrbench.encoder import ImageBatch, ImageEncoder, ImageFeatures, PoolsGrid


def obstacle(encoder: ImageEncoder, device: str) -> str | None:
    """Why there is no Grad-CAM of an encoder, in one line; tried with one black image."""
    height, width = encoder.image_spec.size
    black = torch.zeros(1, 3, height, width, device=device)
    with torch.enable_grad():
        features = _encode(encoder, ImageBatch(black, view=[None], context=[None]))
        if features.grid is None:
            return "the encoder has no grid of patch features"
        if not features.grid.requires_grad or not features.pooled.requires_grad:
            return "no gradient reaches the encoder's features"
        total = features.pooled.sum()
        (slope,) = torch.autograd.grad(total, features.grid, allow_unused=True)
    if slope is None or not slope.any():
        return "the encoder's pooled vector is not computed from its grid"
    return None


def grad_cam(
    encoder: ImageEncoder, batch: ImageBatch, weights: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Maps of a linear score of the pooled vector, another one for each image.

    Args:
        encoder: Without an `obstacle`.
        batch: B images.
        weights: B×D, of the score of each image.
        bias: B.

    Returns:
        B×h×w maps, not negative: the sum over channels of the grid, each weighed by the mean of
        the score's gradient over the cells, cut off at 0; and the B scores.
    """
    with torch.enable_grad():
        features = _encode(encoder, batch)
        score = (features.pooled * weights.to(features.pooled)).sum(dim=1) + bias.to(
            features.pooled
        )
        if features.grid is None:
            raise ValueError("the plan lets only encoders with a grid come here")
        (slope,) = torch.autograd.grad(score.sum(), features.grid)
    with torch.no_grad():
        channel = slope.mean(dim=(2, 3), keepdim=True)
        maps = (channel * features.grid).sum(dim=1).relu()
    return maps, score.detach()


def _encode(encoder: ImageEncoder, batch: ImageBatch) -> ImageFeatures:
    if isinstance(encoder, PoolsGrid):
        return encoder.encode_through_grid(batch)
    return encoder.encode_image(batch)
