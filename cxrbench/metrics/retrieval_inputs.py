"""What retrieval metrics are computed from: all images against all texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from cxrbench.errors import DataError, RunError
from cxrbench.metrics.ranking import FloatArray, IntArray
from cxrbench.metrics.retrieval_ranks import QueryRanks

T = TypeVar("T")

Direction = Literal["i2t", "t2i"]
"""`i2t`: an image asks for texts; `t2i`: a text asks for images."""

Relevance = Literal["class", "other", "pair"]
"""What counts as found. `class`: every candidate with the query's own labels, the query's own
partner included; `other`: the same without its partner, which is no candidate then; `pair`: the
partner alone. Samples of one study share their report, and each is the partner of all of them."""


@dataclass(frozen=True, eq=False)
class RetrievalInput:
    """Similarities of N images with N texts, and which of the N samples ask.

    The gallery is always whole: taking some of the samples takes queries, not candidates.

    Attributes:
        values: (N, N) similarities, an image a row; text i belongs to image i.
        labels: (N, C) labels; two samples belong together where all of theirs are equal.
        names: The C label names.
        queries: (Q,) samples that ask; all of them where None.
        batches: Galleries: each query looks among the samples of its own; None: one of all.
        studies: Of each of the N samples, None where it is not told: that sample stands alone.
            None altogether: each does.

    Raises:
        RunError: When the similarities are not a finite square.
        DataError: When labels, names or studies do not fit.
    """

    values: npt.NDArray[np.floating]
    labels: npt.NDArray[np.floating]
    names: Sequence[str]
    queries: IntArray | None = None
    batches: Sequence[IntArray] | None = None
    studies: Sequence[str | None] | None = None
    _kept: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check."""
        shape = self.values.shape
        if len(shape) != 2 or shape[0] != shape[1] or not np.isfinite(self.values).all():
            raise RunError(
                "the similarities cannot be ranked",
                why=f"their shape is {shape}, "
                f"{int((~np.isfinite(self.values)).sum())} are not finite",
                fix="give one finite number for every image and text, as many texts as images",
            )
        if self.labels.shape != (shape[0], len(self.names)):
            raise DataError(
                "labels do not fit the similarities",
                why=f"labels have the shape {self.labels.shape} for {shape[0]} samples and "
                f"{len(self.names)} names",
                fix="give one row a sample and one column a label",
            )
        if self.studies is not None and len(self.studies) != shape[0]:
            raise DataError(
                "studies do not fit the similarities",
                why=f"{len(self.studies)} studies for {shape[0]} samples",
                fix="give one study a sample, None where it is not told",
            )
        if self.queries is None:
            object.__setattr__(self, "queries", np.arange(shape[0]))

    @property
    def asking(self) -> IntArray:
        """(Q,) the samples that ask."""
        return np.arange(len(self.values)) if self.queries is None else self.queries

    @property
    def n(self) -> int:
        """Queries of each direction."""
        return len(self)

    @property
    def n_by_name(self) -> dict[str, int]:
        """Queries that have each label."""
        present = (self.labels[self.asking] == 1).sum(axis=0)
        return dict(zip(self.names, present.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.asking)

    def take(self, rows: IntArray) -> RetrievalInput:
        """Some of the queries, in that order, before the same gallery."""
        return replace(self, queries=self.asking[rows])

    def ranks(self, direction: Direction, relevance: Relevance) -> QueryRanks:
        """Rankings of all N samples as queries, computed once."""
        return self._keep(("ranks", direction, relevance), lambda: self._rank(direction, relevance))

    def shuffled(self, direction: Direction, relevance: Relevance) -> QueryRanks:
        """What random rankings of the same candidates give on average, computed once."""
        return self._keep(
            ("shuffled", direction, relevance), lambda: self.ranks(direction, relevance).shuffled
        )

    def per_query(self, key: str, compute: Callable[[], FloatArray]) -> FloatArray:
        """(Q,) values of the samples that ask, of what `compute` says once of all N."""
        return self._keep(("values", key), compute)[self.asking]

    def _keep(self, key: tuple[str, ...], compute: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = compute()
        found: T = self._kept[key]
        return found

    def _rank(self, direction: Direction, relevance: Relevance) -> QueryRanks:
        batches = self.batches or [np.arange(len(self.values))]
        values = self.values if direction == "i2t" else self.values.T
        parts = []
        for batch in batches:
            scores = values[np.ix_(batch, batch)]
            own = _equal(self._own[batch])
            if relevance == "pair":
                parts.append(QueryRanks.of(scores, own))
                continue
            alike = _equal(self._groups[batch])
            parts.append(QueryRanks.of(scores, alike, ~own if relevance == "other" else None))
        return QueryRanks.gathered(parts, list(batches))

    @property
    def _own(self) -> IntArray:
        """(N,) a number for each study; a sample of which none is told has its own."""
        first: dict[str, int] = {}
        told = self.studies or [None] * len(self.values)
        own = [i if study is None else first.setdefault(study, i) for i, study in enumerate(told)]
        return np.asarray(own, dtype=np.intp)

    @property
    def _groups(self) -> IntArray:
        """(N,) a number for each set of labels; labels that are unknown alike are equal."""
        known = np.nan_to_num(self.labels, nan=-1.0)
        return np.unique(known, axis=0, return_inverse=True)[1].reshape(-1)


def _equal(groups: IntArray) -> npt.NDArray[np.bool_]:
    """(N, N) which of N belong to one group."""
    return np.asarray(groups[:, None] == groups[None, :])


def shuffled_batches(n: int, size: int, seed: int) -> list[IntArray]:
    """N samples in random batches of `size`, the last one with what is left."""
    order = np.random.default_rng(seed).permutation(n)
    return [order[start : start + size] for start in range(0, n, size)]
