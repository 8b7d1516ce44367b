"""Learning-rate schedules that the published codes use."""

from __future__ import annotations

import math


def unclamped_cosine(step: int, warmup: int, total: int) -> float:
    """Factor of the base rate: linear warm-up, then a cosine that is not stopped at its end.

    After `total` steps the rate climbs again and oscillates with a period of twice the decay, as
    in the released code of BenchX. With `warmup` 0 it starts at the base rate.
    """
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1 + math.cos(math.pi * progress)))


def cosine(step: int, warmup: int, total: int) -> float:
    """The same until `total` steps, and 0 from there on."""
    return unclamped_cosine(step, warmup, total) if step < total else 0.0


def warmup_linear(step: int, warmup: int, total: int, start: float = 1e-6) -> float:
    """Factor of the base rate: from `start` linearly to 1 in `warmup` steps, then linearly to 0.

    It stays 0 from `total` steps on. Source: the segmentation settings of BenchX (a polynomial of
    power one).
    """
    if step < warmup:
        return start + (1 - start) * step / warmup
    return max(0.0, (total - step) / max(1, total - warmup))
