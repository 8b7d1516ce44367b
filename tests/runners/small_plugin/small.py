"""Encoders that train in a blink."""

from __future__ import annotations

import torch
from torch import nn

from cxrbench.encoder import ImageFeatures


class Small(nn.Module):
    """Convolution, batch norm, dropout, and the length of the clinical context."""

    def __init__(self, card):
        super().__init__()
        self.image_spec = card.preprocessing
        self.pooled_dim = 8
        self.conv = nn.Conv2d(3, 8, 5, stride=3)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.2)
        self.told = nn.Linear(1, 8)

    def encode_image(self, batch):
        hidden = torch.relu(self.norm(self.conv(batch.pixels)))
        pooled = self.drop(hidden.amax(dim=(2, 3)))
        lengths = [[len(text or "") / 100] for text in batch.context or [None] * len(batch)]
        return ImageFeatures(pooled + self.told(pooled.new_tensor(lengths)))


class Trunk(Small):
    """The same with a frozen first layer whose output can be kept."""

    def __init__(self, card):
        super().__init__(card)
        self.conv.requires_grad_(False)

    def encode_trunk(self, pixels):
        return self.conv(pixels)

    def encode_image(self, batch):
        hidden = batch.trunk if batch.trunk is not None else self.encode_trunk(batch.pixels)
        pooled = self.drop(torch.relu(self.norm(hidden)).amax(dim=(2, 3)))
        return ImageFeatures(pooled)


class Broken(Small):
    """Fails when it is used."""

    def encode_image(self, batch):
        raise ValueError("out of order")
