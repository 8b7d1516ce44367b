"""Splits of a small world: random, patient-disjoint, and with every label on every side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import ceil

import numpy as np

from cxrbench.errors import BadRequest
from cxrbench.phantom.patient import Patient, Study

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
SUBSETS = {"train_1": (0.01, 24), "train_10": (0.10, 48)}
"""Few-label subsets of the train split: share, and the least number of images in a small world."""
MIN_PATIENTS = 20
_STREAM_SPLIT = 0


def split_patients(patients: Sequence[Patient], seed: int) -> dict[str, tuple[int, ...]]:
    """Draw the 70/10/20 split of patients, as patient indices in ascending order.

    The draw is uniform; then, for each label that val or test lacks, one patient is exchanged
    with train, as long as train keeps a patient with it too. A small world so has positives of
    every label in each split wherever the patients allow.

    Raises:
        BadRequest: Fewer than `MIN_PATIENTS` patients.
    """
    if len(patients) < MIN_PATIENTS:
        raise BadRequest(
            f"a phantom world of {len(patients)} patients cannot be split",
            why="train, val and test each need several patients",
            fix=f"ask for {MIN_PATIENTS} patients or more",
        )
    labels = {p.index: frozenset(x for s in p.studies for x in s.labels) for p in patients}
    order = [int(i) for i in _rng(seed).permutation(sorted(labels))]
    n_test, n_val = round(SHARES["test"] * len(order)), max(1, round(SHARES["val"] * len(order)))
    test, val, train = order[:n_test], order[n_test : n_test + n_val], order[n_test + n_val :]
    for part in (val, test):
        _cover(part, train, labels)
    parts = {"train": train, "val": val, "test": test}
    return {name: tuple(sorted(part)) for name, part in parts.items()}


def few_label_subsets(train: Sequence[Study], seed: int) -> dict[str, tuple[Study, ...]]:
    """Draw the nested 1 % and 10 % subsets of the train images.

    A subset has `max(least, ceil(share * n))` images, at most all of them, with the shares and
    least numbers of `SUBSETS`; the smaller lies within the larger.
    """
    labels = {i: frozenset(study.labels) for i, study in enumerate(train)}
    pool = [int(i) for i in _rng(seed, 1).permutation(len(train))]
    chosen: list[int] = []
    out = {}
    for name, (share, least) in SUBSETS.items():
        want = min(max(least, ceil(share * len(train))), len(train)) - len(chosen)
        fresh, pool = pool[:want], pool[want:]
        if not chosen:
            _cover(fresh, pool, labels)
        chosen = chosen + fresh
        out[name] = tuple(train[i] for i in sorted(chosen))
    return out


def _cover(part: list[int], pool: list[int], labels: Mapping[int, AbstractSet[str]]) -> None:
    """Exchange members of `part` with `pool`, in place, until `part` has every label it can."""
    for label in sorted(set().union(*labels.values())):
        if any(label in labels[i] for i in part):
            continue
        givers = [i for i in pool if label in labels[i]]
        takers = [i for i in part if _spare(i, part, labels)]
        if len(givers) > 1 and takers:
            give, take = givers[0], takers[0]
            pool[pool.index(give)], part[part.index(take)] = take, give


def _spare(one: int, part: Sequence[int], labels: Mapping[int, AbstractSet[str]]) -> bool:
    """Whether every label of `one` is also carried by another member of `part`."""
    others = set().union(*(labels[i] for i in part if i != one))
    return labels[one] <= others


def _rng(seed: int, *key: int) -> np.random.Generator:
    """The stream of the split; patients' streams start at index 1, so 0 is free."""
    sequence = np.random.SeedSequence(seed, spawn_key=(0, _STREAM_SPLIT, *key))
    return np.random.Generator(np.random.PCG64(sequence))
