"""Soft gaze guidance: the similarity of transcripts and patches follows where the reader looked.

A row of the heat is where the eyes rested while one sentence was spoken. Its largest cells become
a distribution over the patches, which the softmax of the sentence's similarity to the patches is
drawn to (transcript to patch); and over the sentences, for each patch that was looked at (patch
to transcript). Source: CoGaze, equations 7 and 8; the released code has the two weights the other
way round (0.2 and 0.8).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .precision import full, without_autocast

Kind = Literal["jsd", "mse", "iou", "mask"]
Weights = tuple[float, float]
"""Of transcript to patch and patch to transcript."""

RELEASED: Weights = (0.2, 0.8)
PAPER: Weights = (0.8, 0.2)
EPS = 1e-8
"""Heat up to here counts as none; also what the released code adds before dividing."""


def gaze_loss(
    logits: Tensor,
    heat: Tensor,
    *,
    rho: float | None = 0.25,
    weights: Weights = RELEASED,
    kind: Kind = "jsd",
) -> Tensor:
    """The loss of one image.

    Args:
        logits: S×P similarities of S transcripts and P patches, divided by the temperature.
        heat: S×P, not negative.
        rho: Share of the cells with heat that is kept in each row (and column, for the other
            direction), rounded down and at least one; None keeps them all. Of equal cells at the
            border those that come first are kept; the reference leaves that to its sort.
        weights: Of transcript to patch and patch to transcript.
        kind: How two distributions are compared: `jsd` Jensen-Shannon divergence; `mse` sum of
            the squared differences (the mean over 1369 patches would vanish beside the other
            losses); `iou` one minus the sum of the smaller over the sum of the larger values
            (both Table 7); `mask` as `jsd`, with equal weight on every cell kept, as the binary
            masks of EGMA have it (Table 8).

    Returns:
        Scalar; from 0 to ln 2 for `jsd` and `mask`, to 2 for `mse`, to 1 for `iou`. 0 without
        any heat.
    """
    with without_autocast(logits):
        there = torch.ones(1, len(logits), dtype=torch.bool, device=logits.device)
        both = full(logits)[None], full(heat)[None]
        return _image_losses(*both, there, rho, weights, kind).squeeze(0)


def image_gaze_losses(
    patches: Tensor,
    transcripts: Tensor,
    heat: Tensor,
    owners: Tensor,
    log_scale: Tensor,
    *,
    rho: float | None = 0.25,
    weights: Weights = RELEASED,
    kind: Kind = "jsd",
) -> Tensor:
    """The loss of each image that has transcripts, in the order of the batch.

    The images are laid side by side, filled up to the largest number of transcripts: one matrix
    product and no loop over rows or images.

    Args:
        patches: B×P×D projected patch tokens, without the class token; normalised here.
        transcripts: S×D projected first tokens of the transcripts; normalised here.
        heat: S×P, see `gaze_loss`.
        owners: S int64, the row in the batch each transcript belongs to, in any order.
        log_scale: Scalar, the logarithm of the inverse temperature.
        rho: See `gaze_loss`.
        weights: See `gaze_loss`.
        kind: See `gaze_loss`.

    Returns:
        I losses of the I images that have transcripts; none where no image has any.
    """
    with without_autocast(patches):
        images, place = torch.unique(owners, return_inverse=True)
        counts = torch.bincount(place, minlength=len(images))
        if not len(images):
            # Empty, and still a function of its arguments: DDP waits for a gradient of each.
            return full(patches[:0]).sum((1, 2)) * full(log_scale) + full(transcripts).sum()
        order = torch.argsort(place, stable=True)
        first = counts.cumsum(0) - counts
        column = torch.empty_like(place)
        column[order] = torch.arange(len(place), device=place.device) - first[place[order]]
        wide = int(counts.max())
        there = torch.arange(wide, device=place.device)[None] < counts[:, None]

        own = full(patches if len(images) == len(patches) else patches[images])
        spoken = _unit(full(transcripts))
        laid = spoken.new_zeros(len(images), wide, spoken.shape[1])
        laid = laid.index_put((place, column), spoken)
        # Dividing the products by the length of the patches saves a normalised copy of them.
        length = torch.linalg.vector_norm(own, dim=-1).clamp_min(1e-12)
        logits = full(log_scale).exp() * (laid @ own.transpose(1, 2)) / length[:, None]
        maps = logits.new_zeros(logits.shape)
        maps[place, column] = full(heat).to(maps.dtype)
        return _image_losses(logits, maps, there, rho, weights, kind)


def predicted_heat(patches: Tensor, transcripts: Tensor, log_scale: Tensor) -> Tensor:
    """Where the network expects the reader of one image to look during each transcript.

    Args:
        patches: P×D projected patch tokens, without the class token; normalised here.
        transcripts: S×D projected first tokens of the transcripts; normalised here.
        log_scale: Scalar, the logarithm of the inverse temperature.

    Returns:
        S×P, each row a distribution: the one that transcript to patch guidance trains.
    """
    with without_autocast(patches):
        cosines = _unit(full(transcripts)) @ _unit(full(patches)).T
        return (full(log_scale).exp() * cosines).softmax(-1)


def keep_largest(heat: Tensor, rho: float | None) -> Tensor:
    """Heat …×N with all but the largest cells of each row set to 0; see `gaze_loss`."""
    warm = heat > EPS
    if rho is None:
        return heat * warm
    # float64, as Python multiplies: 0.7 of 90 cells are 62, and would be 63 in float32.
    wanted = (warm.sum(-1, keepdim=True).double() * rho).floor().clamp_min(1)
    order = heat.argsort(dim=-1, descending=True, stable=True)
    rank = torch.arange(heat.shape[-1], device=heat.device).expand_as(order)
    kept = torch.zeros_like(warm).scatter(-1, order, rank < wanted)
    return heat * kept


def _unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)


def _image_losses(
    logits: Tensor, heat: Tensor, there: Tensor, rho: float | None, weights: Weights, kind: Kind
) -> Tensor:
    """I×S×P logits and heat, I×S whether a row is there, to I losses."""
    forth = _direction(logits, heat, rho, kind)
    back = logits.masked_fill(~there[..., None], -torch.inf).transpose(1, 2)
    return weights[0] * forth + weights[1] * _direction(back, heat.transpose(1, 2), rho, kind)


def _direction(logits: Tensor, heat: Tensor, rho: float | None, kind: Kind) -> Tensor:
    """I×R×C to I: the mean over the rows that hold heat, 0 where none does."""
    kept = keep_largest(heat, rho)
    valid = kept.sum(-1) > EPS
    if kind == "mask":
        kept = (kept > 0).to(kept.dtype)
    target = kept / (kept.sum(-1, keepdim=True) + EPS)
    rows = _compare(target, logits.softmax(-1), kind)
    return (rows * valid).sum(-1) / valid.sum(-1).clamp_min(1)


def _compare(p: Tensor, q: Tensor, kind: Kind) -> Tensor:
    """Target and prediction …×C to the difference …, one for each row."""
    if kind == "mse":
        return (p - q).square().sum(-1)
    if kind == "iou":
        return 1 - torch.minimum(p, q).sum(-1) / torch.maximum(p, q).sum(-1)
    middle = ((p + q) / 2 + EPS).log()
    return 0.5 * (p * ((p + EPS).log() - middle) + q * ((q + EPS).log() - middle)).sum(-1)
