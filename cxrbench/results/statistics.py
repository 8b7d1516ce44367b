"""Spread over seeds. Sampling uncertainty is another thing: see `cxrbench.metrics.bootstrap`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from cxrbench.errors import DataError


class SeedSummary(BaseModel):
    """Mean and spread of one metric over seeds, in the unit of the metric.

    Attributes:
        mean: Arithmetic mean.
        sd: Sample standard deviation (n - 1 in the denominator); None for one seed.
        n: Number of seeds.
        values: The value of each seed, in the order given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float
    sd: float | None
    n: int
    values: tuple[float, ...]


def seed_summary(values: Sequence[float]) -> SeedSummary:
    """Summarise the values of one metric over seeds.

    Raises:
        DataError: When there is no value, or one is not finite.
    """
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(map(math.isfinite, numbers)):
        raise DataError(
            "cannot summarise over seeds",
            why="there is no value" if not numbers else "a value is NaN or infinite",
            fix="leave out the runs in which the metric is undefined",
        )
    return SeedSummary(
        mean=statistics.fmean(numbers),
        sd=statistics.stdev(numbers) if len(numbers) > 1 else None,
        n=len(numbers),
        values=numbers,
    )


def format_summary(
    summary: SeedSummary, digits: int = 1, *, scale: float = 1.0, expected: int | None = None
) -> str:
    """Write a summary as a table cell, for example `81.2 ± 0.3 (3)`.

    Args:
        summary: What `seed_summary` returned.
        digits: Digits after the decimal point.
        scale: Factor on mean and sd; 100 prints fractions as percent.
        expected: Seeds that were asked for; where some are missing, `2/3` stands for n.

    Returns:
        The cell. One seed has no spread, so it prints no ±.
    """
    missing = expected is not None and expected != summary.n
    n = f"({summary.n}/{expected})" if missing else f"({summary.n})"
    mean = f"{summary.mean * scale:.{digits}f}"
    if summary.sd is None:
        return f"{mean} {n}"
    return f"{mean} ± {summary.sd * scale:.{digits}f} {n}"
