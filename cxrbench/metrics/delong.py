"""DeLong's test of the difference of AUROCs: no draws, so a check of the resampling tests.

The AUROC is a mean over positives of the share of negatives that each outranks, and a mean over
negatives of the share of positives that outrank each. The variance of a difference follows from
those shares (DeLong et al. 1988); midranks give all of them after sorting three times (Sun and Xu
2014). Images of one patient are not independent: shares are added up by patient first (Obuchowski
1997). A macro AUROC is a mean of AUROCs that share patients: their shares are averaged patient by
patient before they are squared, which is the same as using all covariances of the labels, and so
are the seeds of a model. Without patients, one label and one seed it is DeLong's test exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxrbench.metrics.bootstrap import membership
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.ranking import FloatArray, IntArray, midranks

_NORMAL_95 = 1.959963984540054


class DeLong(BaseModel):
    """The difference of two AUROCs under the normal approximation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    difference: float = Field(description="The first minus the second.")
    se: float = Field(description="Standard error, clustered by patient.")
    ci95: tuple[float, float] = Field(description="95 % interval of the difference.")
    p: float = Field(description="Two-sided.")


@dataclass(frozen=True, eq=False)
class Influence:
    """An AUROC, and how much each group (patient) moves it.

    Attributes:
        value: The AUROC.
        by_group: (G,) what each group adds to its deviation; the squares sum to its variance.
    """

    value: float
    by_group: FloatArray


def delong(
    pairs: Sequence[tuple[ClassificationInput, ClassificationInput]],
    groups: Sequence[str] | None = None,
    *,
    pooled: bool = False,
) -> tuple[DeLong | None, tuple[DeLong | None, ...]]:
    """Test the difference of the macro AUROCs of two models, or of their pooled (micro) ones.

    Args:
        pairs: The predictions of both for each seed, of the same samples.
        groups: Patient of each sample; None: samples are independent.
        pooled: Whether all (sample, label) pairs are in one ranking.

    Returns:
        The test of the mean over labels and seeds, and that of each label (none where they are
        pooled). None where it is undefined: a label has both classes, but one of them in one group
        alone, which tells nothing of how much groups vary; or no label has both.
    """
    size, member = membership(len(pairs[0][0]) if groups is None else groups)
    sides = {
        id(side): _of_labels(side, member, size, pooled=pooled) for pair in pairs for side in pair
    }
    both = [(sides[id(first)], sides[id(second)]) for first, second in pairs]
    labels = range(len(both[0][0]))
    known = [c for c in labels if all(one[c] and other[c] for one, other in both)]
    by_label = {c: _contrast([(one[c], other[c]) for one, other in both]) for c in known}
    whole = None
    if known and (pooled or set(known) == _with_both_classes(pairs[0][0])):
        gaps, moved = zip(*by_label.values(), strict=True)
        whole = _tested(float(np.mean(gaps)), np.mean(moved, axis=0))
    if pooled:
        return whole, ()
    return whole, tuple(_tested(*by_label[c]) if c in by_label else None for c in labels)


def influence(
    scores: FloatArray, labels: FloatArray, member: IntArray, size: int
) -> Influence | None:
    """An AUROC and the influence of each group on it.

    Args:
        scores: (n,) scores.
        labels: (n,) 1, 0 or NaN (left out).
        member: (n,) number of the group of each.
        size: Number of groups G.

    Returns:
        None where fewer than two groups have a positive, or fewer than two a negative.
    """
    positive, negative = labels == 1, labels == 0
    groups = [np.unique(member[chosen]).size for chosen in (positive, negative)]
    if min(groups) < 2:
        return None
    known = positive | negative
    among_all = np.zeros(len(scores))
    among_all[known] = midranks(scores[known])
    m, n = int(positive.sum()), int(negative.sum())
    outranked = (among_all[positive] - midranks(scores[positive])) / n
    outranking = 1 - (among_all[negative] - midranks(scores[negative])) / m
    value = float(outranked.mean())
    moved = np.zeros(size)
    for chosen, shares, count, apart in (
        (positive, outranked, m, groups[0]),
        (negative, outranking, n, groups[1]),
    ):
        sums = np.bincount(member[chosen], shares - value, minlength=size)
        moved += math.sqrt(apart / (apart - 1)) * sums / count
    return Influence(value, moved)


def _of_labels(
    data: ClassificationInput, member: IntArray, size: int, *, pooled: bool
) -> list[Influence | None]:
    if pooled:
        repeated = np.repeat(member, data.scores.shape[1])
        return [influence(data.scores.ravel(), data.labels.ravel(), repeated, size)]
    return [
        influence(scores, labels, member, size)
        for scores, labels in zip(data.scores.T, data.labels.T, strict=True)
    ]


def _with_both_classes(data: ClassificationInput) -> set[int]:
    """Labels that an AUROC is defined for."""
    both = (data.labels == 1).any(axis=0) & (data.labels == 0).any(axis=0)
    return set(np.flatnonzero(both).tolist())


def _contrast(
    sides: Sequence[tuple[Influence | None, Influence | None]],
) -> tuple[float, FloatArray]:
    """The first minus the second, mean over seeds: value, and (G,) influences."""
    defined = [(one, other) for one, other in sides if one and other]
    gaps = [one.value - other.value for one, other in defined]
    moved = [one.by_group - other.by_group for one, other in defined]
    return float(np.mean(gaps)), np.mean(moved, axis=0)


def _tested(difference: float, moved: FloatArray) -> DeLong | None:
    se = float(np.sqrt(np.square(moved).sum()))
    if se == 0:  # the same ranking twice; a difference without variance has no test
        return None if difference else DeLong(difference=0, se=0, ci95=(0, 0), p=1)
    reach = _NORMAL_95 * se
    return DeLong(
        difference=difference,
        se=se,
        ci95=(difference - reach, difference + reach),
        p=math.erfc(abs(difference) / se / math.sqrt(2)),
    )
