"""Encoders with a grid that train in a blink."""

from __future__ import annotations

import torch
from torch import nn

from cxrbench.encoder import ImageFeatures


class Mapped(nn.Module):
    """A convolution and batch norm; dropout, which frozen encoders must not use."""

    def __init__(self, card):
        super().__init__()
        self.image_spec = card.preprocessing
        self.pooled_dim = 8
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.2)

    def maps(self, batch):
        return self.conv(batch.pixels)

    def encode_image(self, batch):
        grid = self.drop(torch.relu(self.norm(self.maps(batch))))
        latents = torch.stack([grid.mean((2, 3)), grid.amax((2, 3))], dim=1)
        return ImageFeatures(grid.mean((2, 3)), grid, latents)


class MappedTrunk(Mapped):
    """The same with a frozen first layer whose output can be kept."""

    def __init__(self, card):
        super().__init__(card)
        self.conv.requires_grad_(False)

    def encode_trunk(self, pixels):
        return self.conv(pixels)

    def maps(self, batch):
        return batch.trunk if batch.trunk is not None else self.encode_trunk(batch.pixels)


class Lying(Mapped):
    """Has no grid, against its card."""

    def encode_image(self, batch):
        return ImageFeatures(super().encode_image(batch).pooled)
