"""Maps at four scales out of a network that has one scale throughout."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

_SHARES = ((1, 3), (1, 2), (2, 3), (1, 1))
SCALES = (4.0, 2.0, 1.0, 0.5)


def taps(blocks: int) -> list[int]:
    """After which of its blocks, counted from 1, a vision transformer is read.

    After a third, half, two thirds and all of them, rounded up: the 4th, 6th, 8th and last of 12
    and of 11, as in the configurations of BenchX.
    """
    return [-(-blocks * part // whole) for part, whole in _SHARES]


def rescaled(grids: Sequence[Tensor]) -> list[Tensor]:
    """Four B×C×h×w maps of one size, made 4, 2, 1 and 0.5 times as large, bilinearly."""
    return [
        grid if scale == 1 else F.interpolate(grid, scale_factor=scale, mode="bilinear")
        for grid, scale in zip(grids, SCALES, strict=True)
    ]
