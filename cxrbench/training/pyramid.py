"""Maps at four scales out of a network that has one scale throughout."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

TAPS = (1 / 3, 1 / 2, 2 / 3, 1.0)
"""After which share of its blocks a vision transformer is read."""
SCALES = (4.0, 2.0, 1.0, 0.5)


def rescaled(grids: Sequence[Tensor]) -> list[Tensor]:
    """Four B×C×h×w maps of one size, made 4, 2, 1 and 0.5 times as large, bilinearly."""
    return [
        grid if scale == 1 else F.interpolate(grid, scale_factor=scale, mode="bilinear")
        for grid, scale in zip(grids, SCALES, strict=True)
    ]
