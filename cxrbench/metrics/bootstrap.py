"""The bootstrap as sample weights: a replicate is how often each sample was drawn."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from cxrbench.errors import DataError
from cxrbench.metrics.ranking import FloatArray, IntArray

_BLOCK_BYTES = 32 << 20


def bootstrap_weights(
    groups: Sequence[Hashable] | int, replicates: int, seed: int
) -> Iterator[FloatArray]:
    """Draw groups (patients) with replacement; all samples of a group are drawn together.

    The draws depend on the seed, the replicates and the sorted set of groups alone: not on the
    order of the samples nor on the block size. Equal arguments give equal replicates, so two models
    scored on the same samples are paired.

    Args:
        groups: The group of each of the N samples, as strings or numbers; or N, when every sample
            is its own group.
        replicates: Number of replicates R.
        seed: Seed of the draws.

    Yields:
        (R_block, N) multiplicities of the samples, float64, in blocks of about 32 MB.

    Raises:
        DataError: When there is no sample.
    """
    size, member = membership(groups)
    if size < 1:
        raise DataError(
            "cannot resample",
            why="there is no sample",
            fix="check that the split and the predictions are not empty",
        )
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK_BYTES // (8 * len(member)))
    for start in range(0, replicates, block):
        weights = np.empty((min(block, replicates - start), len(member)))
        for row in weights:
            row[:] = np.bincount(rng.integers(size, size=size), minlength=size)[member]
        yield weights


def membership(groups: Sequence[Hashable] | int) -> tuple[int, IntArray]:
    """Number of groups, and (N,) the number of each sample's; in the order of their names."""
    if isinstance(groups, int):
        return groups, np.arange(groups)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), member


def percentile_interval(
    values: npt.ArrayLike, level: float = 0.95, least_defined: float = 0.5
) -> tuple[float, float] | None:
    """Percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: (R,) value in each replicate; NaN where the metric was undefined.
        level: Coverage aimed at.
        least_defined: Share of the replicates that must be defined.

    Returns:
        Lower and upper bound over the defined replicates; None when too few are defined or none
        was drawn, as an interval from the rest would mislead.
    """
    array = np.asarray(values, dtype=np.float64)
    defined = array[~np.isnan(array)]
    if defined.size == 0 or defined.size < least_defined * array.size:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
