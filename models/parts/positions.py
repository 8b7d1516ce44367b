"""Position tables at other sizes than they were trained at."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def bicubic_positions(table: Tensor, shape: tuple[int, int]) -> Tensor:
    """1×N×D positions of a square of patches to 1×(h·w)×D, by plain bicubic interpolation.

    timm blurs before it shrinks and computes offsets otherwise; values differ by 2e-2 of 1.
    """
    side = round(table.shape[1] ** 0.5)
    if shape == (side, side):
        return table
    square = table.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=shape, mode="bicubic", align_corners=False)
    return resized.flatten(2).mT
