"""Comparing features: how far apart, and when that is too far."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from cxrbench.testing.check import CheckFailed


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest expected value.

    Infinite where the shapes differ or a value is no number.
    """
    if found.shape != expected.shape:
        return float("inf")
    scale = max(float(expected.abs().max()), torch.finfo(torch.float32).tiny)
    far = float((found - expected).abs().max()) / scale
    return far if math.isfinite(far) else float("inf")


def furthest(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[str, float]:
    """The name of the tensor that differs most, and how much."""
    distances = {name: distance(found[name], expected[name]) for name in expected if name in found}
    distances |= {name: float("inf") for name in set(found) ^ set(expected)}
    name = max(sorted(distances), key=lambda key: distances[key])
    return name, distances[name]


def same(
    found: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    tolerance: float,
    what: str,
    *,
    fix: str,
) -> str:
    """Fail the check unless all tensors agree; else how well they do.

    Raises:
        CheckFailed: Naming the tensor that differs most.
    """
    name, far = furthest(found, expected)
    if far > tolerance:
        raise CheckFailed(
            what,
            why=f"{name} differs by {far:.1e} of its largest value, {tolerance:.0e} is allowed",
            fix=fix,
        )
    return f"largest difference {far:.1e}, {tolerance:.0e} allowed"
