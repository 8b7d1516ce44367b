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
