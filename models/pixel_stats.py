"""Pixel statistics: the floor any learned encoder should beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.image_spec import ImageSpec

_CELLS = 8
_BINS = 16

Array = npt.NDArray[np.float32]


class PixelStats:
    """An 8×8 thumbnail, a 16-bin histogram, and mean and spread of the quarters and the whole.

    Attributes:
        image_spec: 64×64, values 0..1.
        pooled_dim: 64 + 16 + 8 + 4: the whole contributes mean, spread, 5th and 95th percentile.
    """

    pooled_dim = 92

    def __init__(self, card: ModelCard) -> None:
        if card.preprocessing is None:
            raise ValueError("the card of pixel statistics declares its preprocessing")
        self.image_spec: ImageSpec = card.preprocessing

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """B×92 statistics of the first channel, and a grid of B×4×8×8 of its cells."""
        if batch.pixels is None:
            raise ValueError("pixel statistics are computed from pixels")
        images = batch.pixels[:, 0].cpu().numpy().astype(np.float32)
        parts = [_thumbnail(images), _histogram(images), _quarters(images), _whole(images)]
        return ImageFeatures(
            pooled=torch.from_numpy(np.concatenate(parts, axis=1)),
            grid=torch.from_numpy(_cells(images)),
        )


def _in_cells(images: Array) -> Array:
    """B×8×h×8×w: the pixels of each cell."""
    count, height, width = images.shape
    return images.reshape(count, _CELLS, height // _CELLS, _CELLS, width // _CELLS)


def _thumbnail(images: Array) -> Array:
    means: Array = _in_cells(images).mean(axis=(2, 4)).reshape(len(images), -1)
    return means


def _cells(images: Array) -> Array:
    """B×4×8×8: mean, spread, least and greatest value of each cell."""
    cells, within = _in_cells(images), (2, 4)
    parts = [cells.mean(within), cells.std(within), cells.min(within), cells.max(within)]
    return np.stack(parts, axis=1)


def _histogram(images: Array) -> Array:
    """Share of pixels in each of 16 equal bins of 0..1."""
    bins = np.clip((images * _BINS).astype(np.int64), 0, _BINS - 1).reshape(len(images), -1)
    counts = np.stack([np.bincount(row, minlength=_BINS) for row in bins])
    return (counts / bins.shape[1]).astype(np.float32)


def _quarters(images: Array) -> Array:
    count, height, width = images.shape
    parts = images.reshape(count, 2, height // 2, 2, width // 2)
    statistics = [parts.mean(axis=(2, 4)), parts.std(axis=(2, 4))]
    return np.concatenate([part.reshape(count, -1) for part in statistics], axis=1)


def _whole(images: Array) -> Array:
    flat = images.reshape(len(images), -1)
    low, high = np.percentile(flat, [5, 95], axis=1).astype(np.float32)
    return np.stack([flat.mean(axis=1), flat.std(axis=1), low, high], axis=1)
