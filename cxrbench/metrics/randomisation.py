"""Approximate randomisation: does it matter which of two models a patient's predictions are from?

If two models are alike, exchanging their predictions of a patient changes nothing but chance. Each
replicate does so for every patient with probability 1/2 and takes the difference between the two
mixtures; p is the share of differences that are at least as large as the observed one, that one
counted (Noreen 1989; Edgington and Onghena 2007). All predictions of a patient, for all labels and
of all seeds, go together, since they are not independent. The test makes no assumption about how
the metric is distributed, and works where labels are rare, since no sample is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import Metric
from cxrbench.metrics.bootstrap import membership
from cxrbench.metrics.paired import Pair, PairedDraws, tail_p
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.score import aggregated
from cxrbench.metrics.stacking import stack
from cxrbench.progress import track

_BLOCK_BYTES = 32 << 20
_HALF = 0.5


@dataclass(frozen=True)
class RandomisationP:
    """Two-sided p of one metric.

    Attributes:
        p: Of the difference, mean over pairs; None where it is undefined.
        by_name: (C,) the same by name.
    """

    p: float | None
    by_name: tuple[float | None, ...]


def randomisation(
    pairs: Sequence[Pair],
    metrics: Mapping[str, Metric],
    observed: Mapping[str, PairedDraws],
    groups: Sequence[str] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    title: str = "randomisation",
) -> dict[str, RandomisationP]:
    """Test the differences of pairs of predictions.

    A mixture is the 2N predictions of both models under weights of 1 and 0, so that every metric
    that takes weights is computed exactly, many mixtures at once.

    Args:
        pairs: S pairs of predictions of the same N samples; the same patients are exchanged in all.
        metrics: By id.
        observed: What `paired_draws` says of them; metrics without it are left out.
        groups: What is exchanged together, such as the patient of each sample; None: each sample.
        replicates: Mixtures R, so that p is at least 1 / (R + 1).
        seed: Seed of the draws.
        title: Of the progress bar.

    Raises:
        BadRequest: When the predictions are of a kind that cannot be mixed.
    """
    tested = {name: metric for name, metric in metrics.items() if name in observed}
    apart = {(id(first), id(second)): (first, second) for first, second in pairs}
    share = [sum(a is first and b is second for a, b in pairs) for first, second in apart.values()]
    stacks = {
        name: [
            stack(metric.exchangeable(first), metric.exchangeable(second))
            for first, second in apart.values()
        ]
        for name, metric in tested.items()
    }
    drawn: dict[str, list[tuple[FloatArray, FloatArray]]] = {name: [] for name in tested}
    size = len(pairs[0][0])
    blocks = swaps(size if groups is None else groups, replicates if tested else 0, seed)
    for swapped in track(blocks, title, total=replicates, weigh=len):
        weights = np.concatenate([~swapped, swapped], axis=1).astype(np.float64)
        for name, metric in tested.items():
            point = observed[name].difference_by_name[None]
            found = [_between(metric, stacked, point, weights) for stacked in stacks[name]]
            parts = zip(*found, strict=True)
            one, each = (np.average(part, axis=0, weights=share) for part in parts)
            drawn[name].append((one, each))
    return {name: _tested(observed[name], drawn[name]) for name in tested}


def swaps(
    groups: Sequence[str] | int, replicates: int, seed: int
) -> Iterator[npt.NDArray[np.bool_]]:
    """Draw which groups (patients) are exchanged, each with probability 1/2.

    Args:
        groups: The group of each of the N samples; or N, when every sample is its own group.
        replicates: Number of replicates R.
        seed: Seed; equal arguments give equal draws, whatever the order of the samples.

    Yields:
        (R_block, N) whether a sample is exchanged.
    """
    size, member = membership(groups)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK_BYTES // (16 * len(member)))
    for start in range(0, replicates, block):
        # Row by row, so that the size of a block does not change what is drawn.
        drawn = rng.random((min(block, replicates - start), size)) < _HALF
        yield drawn[:, member]


def _between(
    metric: Metric, stacked: Any, point: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(R,) and (R, C) differences between a mixture and what is left of both models.

    Args:
        metric: Of the mixtures.
        stacked: The 2N predictions.
        point: (1, C) NaN where the metric is undefined on all samples.
        weights: (R, 2N) 1 for what is in the mixture, 0 for the rest.
    """
    sides = [metric.per_class(stacked, chosen) for chosen in (weights, 1 - weights)]
    whole = [aggregated(metric, point, side) for side in sides]
    return whole[0] - whole[1], sides[0] - sides[1]


def _tested(
    observed: PairedDraws, blocks: Sequence[tuple[FloatArray, FloatArray]]
) -> RandomisationP:
    if not blocks:
        return RandomisationP(None, (None,) * len(observed.difference_by_name))
    one, each = (np.concatenate(side) for side in zip(*blocks, strict=True))
    return RandomisationP(
        tail_p(one, 0.0, observed.difference),
        tuple(
            tail_p(column, 0.0, float(gap))
            for column, gap in zip(each.T, observed.difference_by_name, strict=True)
        ),
    )
