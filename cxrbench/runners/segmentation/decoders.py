"""The decoders: features of an encoder to logits of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.runners.segmentation.features import Features, Reader
from cxrbench.runners.segmentation.recipe import Decoder
from cxrbench.runners.segmentation.upernet import UperNet
from cxrbench.training.latent_mixing import LatentMixingHead

Size = tuple[int, int]


class UNet(nn.Module):
    """The U-Net decoder of segmentation-models-pytorch over one grid: there are no skips.

    Every round doubles the map; the last one takes it to the size that is decoded.

    Args:
        width: C of the grid.
        grid: h and w.
        size: H and W of the mask.
        channels: Of the rounds; the last ones are used where fewer are needed.
        stride: The size decoded is that of the mask divided by this; the rest is bilinear.
    """

    def __init__(
        self, width: int, grid: Size, size: Size, channels: Sequence[int], stride: int
    ) -> None:
        super().__init__()
        self._size = size
        target = (max(grid[0], -(-size[0] // stride)), max(grid[1], -(-size[1] // stride)))
        wanted = ceil(log2(max(t / g for t, g in zip(target, grid, strict=True))))
        rounds = min(max(1, wanted), len(channels))
        self._sides: list[Size] = [
            (min(target[0], grid[0] << step), min(target[1], grid[1] << step))
            for step in range(1, rounds)
        ] + [target]
        chosen = list(channels[-rounds:])
        skips = [0] * (rounds - 1)
        # Features of one encoder are a hundred times as large as those of another.
        self.norm = nn.BatchNorm2d(width)
        self.decoder = UnetDecoder([0, *skips, width], chosen, n_blocks=rounds)
        self.head = SegmentationHead(chosen[-1], 1)

    def forward(self, features: Features) -> list[Tensor]:
        """B×H×W logits."""
        (grid,) = features.maps
        empty = [grid.new_zeros(len(grid), 0, *side) for side in reversed(self._sides)]
        logits = self.head(self.decoder([*empty, self.norm(grid)]))
        return [_scaled(logits, self._size)]


class LatentMixing(nn.Module):
    """CoGaze's head on the grid and the latents."""

    def __init__(self, reader: Reader, size: Size, channels: Sequence[int]) -> None:
        super().__init__()
        width, *grid = reader.maps[0]
        latents = 0 if reader.latents is None else reader.latents[0]
        self.segment = LatentMixingHead(width, latents, (grid[0], grid[1]), size, channels)

    def forward(self, features: Features) -> list[Tensor]:
        """B×H×W logits."""
        (grid,) = features.maps
        return [self.segment(features.latents, grid.flatten(2).mT).squeeze(1)]


def make_decoder(settings: Decoder, reader: Reader, size: Size) -> nn.Module:
    """A decoder whose `forward` takes `Features` and returns logits, B×H×W each.

    The first are those of the mask; more than one are returned in training alone.
    """
    if settings.name == "upernet":
        return UperNet(settings, [shape[0] for shape in reader.maps], size)
    if settings.name == "latent-mixing":
        return LatentMixing(reader, size, settings.channels)
    width, height, across = reader.maps[0]
    return UNet(width, (height, across), size, settings.channels, settings.stride)


def _scaled(logits: Tensor, size: Size) -> Tensor:
    """B×1×h×w to B×H×W."""
    if logits.shape[2:] != torch.Size(size):
        logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
    return logits.squeeze(1)
