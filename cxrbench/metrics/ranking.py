"""Weighted ranking counts: the samples are sorted once, then scored under many weightings.

AUROC and average precision need the same four running sums, and only at the scores where a positive
sample stands. A block of bootstrap replicates therefore costs one gather and one cumulative sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

# Elements of one gathered block: small enough to stay near the caches, whatever N and R are.
_BLOCK_ELEMENTS = 1 << 17


@dataclass(frozen=True, eq=False)
class Ranking:
    """Known samples in descending order of score, and the tie groups that hold a positive.

    Attributes:
        samples: (n,) index of the sample of each ranked entry; pooled rankings repeat samples.
        positives: (p,) positions in `samples` of the positive entries, ascending.
        first: (K,) entries strictly above each tie group that holds a positive.
        last: (K,) entries above or in that group.
        positives_above: (K,) positive entries strictly above the group.
        positives_through: (K,) positive entries above or in the group.
    """

    samples: IntArray
    positives: IntArray
    first: IntArray
    last: IntArray
    positives_above: IntArray
    positives_through: IntArray


@dataclass(frozen=True, eq=False)
class RankCounts:
    """Weights above and in each tie group that holds a positive; r replicates, K groups.

    Attributes:
        positive: (r, K) positive weight in the group.
        positive_through: (r, K) positive weight above or in the group.
        all_above: (r, K) weight of all samples strictly above the group.
        all_through: (r, K) weight of all samples above or in the group.
        positive_total: (r,) weight of all positives.
        total: (r,) weight of all known samples.
    """

    positive: FloatArray
    positive_through: FloatArray
    all_above: FloatArray
    all_through: FloatArray
    positive_total: FloatArray
    total: FloatArray


def rank(scores: FloatArray, labels: FloatArray, samples: IntArray | None = None) -> Ranking:
    """Sort entries by descending score; entries with a NaN label are left out.

    Args:
        scores: (n,) finite scores.
        labels: (n,) 1, 0 or NaN.
        samples: (n,) index of the sample each entry belongs to; default: entry i is sample i.
    """
    entries = np.flatnonzero(~np.isnan(labels))
    order = entries[np.argsort(-scores[entries], kind="stable")]
    ranked = scores[order]
    positives = np.flatnonzero(labels[order] == 1)
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if order.size else order
    ends = np.r_[starts[1:], order.size].astype(np.intp)
    above = np.searchsorted(positives, starts)
    through = np.searchsorted(positives, ends)
    holds = through > above
    return Ranking(
        samples=order if samples is None else samples[order],
        positives=positives,
        first=starts[holds],
        last=ends[: starts.size][holds],
        positives_above=above[holds],
        positives_through=through[: starts.size][holds] if starts.size else through[:0],
    )


def pooled(scores: FloatArray, labels: FloatArray) -> Ranking:
    """One ranking of all (sample, label) pairs of two (N, C) arrays."""
    samples = np.repeat(np.arange(len(scores)), scores.shape[1])
    return rank(scores.ravel(), labels.ravel(), samples)


def count(ranking: Ranking, weights: FloatArray) -> Iterator[tuple[slice, RankCounts]]:
    """Weighted counts of a ranking, a block of replicates at a time.

    Args:
        ranking: What `rank` returned for n entries of N samples.
        weights: (R, N) non-negative weight of each sample in each replicate.

    Yields:
        The rows of `weights` in the block, and their counts.
    """
    size = max(1, _BLOCK_ELEMENTS // (ranking.samples.size + 1))
    for start in range(0, len(weights), size):
        rows = slice(start, start + size)
        ranked = np.take(weights[rows], ranking.samples, axis=1)
        positive = _running(np.take(ranked, ranking.positives, axis=1))
        every = _running(ranked)
        through = np.take(positive, ranking.positives_through, axis=1)
        yield (
            rows,
            RankCounts(
                positive=through - np.take(positive, ranking.positives_above, axis=1),
                positive_through=through,
                all_above=np.take(every, ranking.first, axis=1),
                all_through=np.take(every, ranking.last, axis=1),
                positive_total=positive[:, -1],
                total=every[:, -1],
            ),
        )


def midranks(values: FloatArray) -> FloatArray:
    """(n,) ranks from 1, ascending; equal values share the mean of their ranks."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[group.reshape(-1)], dtype=np.float64)


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> FloatArray:
    """Elementwise quotient in float64; NaN where the denominator is 0."""
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    result = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    np.divide(top, bottom, out=result, where=bottom != 0)
    return result


def _running(values: FloatArray) -> FloatArray:
    """(r, n) to (r, n + 1): sums of the first 0, 1, ... n values of each row."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
