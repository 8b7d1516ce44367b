"""Subgroups of patients: sex, age band and view, where the data tells them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cxrbench.data.samples import Sample
from cxrbench.metrics.ranking import IntArray

AGE_BANDS = ((0, 18), (18, 40), (40, 60), (60, 80), (80, 200))
"""Years, from the first up to below the second."""

FEWEST_PATIENTS = 10
"""Below this a subgroup is noise, and a shared number might tell of single patients."""


def subgroups(samples: Sequence[Sample]) -> dict[str, IntArray]:
    """Positions of the samples of each subgroup, such as `sex F`, `age 40-59` and `view AP`.

    What is not told of a sample puts it into no subgroup. An attribute that does not divide the
    samples, because all of them are alike, gives none.
    """
    found: dict[str, dict[str, list[int]]] = {"sex": {}, "age": {}, "view": {}}
    for attribute, groups in found.items():
        members: dict[str, list[int]] = defaultdict(list)
        for position, sample in enumerate(samples):
            value = _value(sample, attribute)
            if value is not None:
                members[value].append(position)
        groups.update(members)
    return {
        f"{attribute} {value}": np.asarray(groups[value], dtype=np.intp)
        for attribute, groups in found.items()
        if len(groups) > 1
        for value in sorted(groups, key=_order)
    }


def large_enough(rows: IntArray, patients: Sequence[str]) -> bool:
    """Whether enough patients stand behind the samples at `rows` for a number of their own."""
    return len({patients[row] for row in rows}) >= FEWEST_PATIENTS


def _value(sample: Sample, attribute: str) -> str | None:
    if attribute == "age":
        return None if sample.age is None else _band(sample.age)
    told: str | None = getattr(sample, attribute)
    return told


def _band(age: float) -> str | None:
    """The band of an age; None for one that is in none, as NaN is."""
    for first, beyond in AGE_BANDS:
        if first <= age < beyond:
            return f"{first}+" if (first, beyond) == AGE_BANDS[-1] else f"{first}-{beyond - 1}"
    return None


def _order(value: str) -> tuple[int, str]:
    """Bands by their first year, all else by name."""
    number = value.partition("-")[0].removesuffix("+")
    return (int(number) if number.isdecimal() else -1, value)
