"""Projections into a joint space."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def batch_norm_projection(width: int, hidden: int, out: int) -> nn.Sequential:
    """Linear, batch norm, ReLU, linear, batch norm without scale and shift."""
    return nn.Sequential(
        nn.Linear(width, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, out),
        nn.BatchNorm1d(out, affine=False),
    )


def relu_projection(width: int, hidden: int, out: int) -> nn.Sequential:
    """Linear, ReLU, linear."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))


def unit(projected: Tensor) -> Tensor:
    """B×D of any precision to B×D float32, L2-normalised: what a joint space holds."""
    return F.normalize(projected.float(), dim=-1)
