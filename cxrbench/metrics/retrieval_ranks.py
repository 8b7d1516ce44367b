"""Where the relevant candidates of a query stand, with candidates of equal score in random order.

No order among equals is assumed: a value is its mean over all orders, which is exact. A scorer that
gives every pair the same score therefore gets what a random ranking gets on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.ranking import FloatArray, IntArray, ratio

DEEPEST = 10
"""The largest K of a metric `@K`."""


@dataclass(frozen=True, eq=False)
class QueryRanks:
    """What the rankings of Q queries say; a query without a relevant candidate is undefined.

    Attributes:
        size: (Q,) candidates.
        relevant: (Q,) relevant candidates.
        above: (Q,) candidates above the first group of equals that holds a relevant one.
        tied: (Q,) candidates in that group.
        tied_relevant: (Q,) relevant ones in that group.
        top: (Q, 10) probability that the candidate at each of the first places is relevant.
    """

    size: IntArray
    relevant: IntArray
    above: IntArray
    tied: IntArray
    tied_relevant: IntArray
    top: FloatArray

    @classmethod
    def of(
        cls,
        scores: npt.NDArray[np.floating],
        relevant: npt.NDArray[np.bool_],
        candidates: npt.NDArray[np.bool_] | None = None,
    ) -> QueryRanks:
        """Rank the candidates of queries.

        Args:
            scores: (Q, N) finite, higher first.
            relevant: (Q, N).
            candidates: (Q, N) which of the N are any for each query; all of them where None.
        """
        size = np.full(len(scores), scores.shape[1], dtype=np.intp)
        if candidates is not None:
            # What is no candidate stands behind all that are, and is not relevant.
            scores, relevant = np.where(candidates, scores, -np.inf), relevant & candidates
            size = candidates.sum(axis=1)
        best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
        top = np.zeros((len(scores), DEEPEST))
        places = min(DEEPEST, scores.shape[1])
        leading = -np.sort(-scores, axis=1)[:, :places]
        for place in range(places):
            equal = scores == leading[:, place, None]
            top[:, place] = (equal & relevant).sum(axis=1) / equal.sum(axis=1)
        return cls(
            size=size,
            relevant=relevant.sum(axis=1),
            above=(scores > best).sum(axis=1),
            tied=(scores == best).sum(axis=1),
            tied_relevant=((scores == best) & relevant).sum(axis=1),
            top=top,
        )

    @classmethod
    def gathered(cls, parts: list[QueryRanks], rows: list[IntArray]) -> QueryRanks:
        """The queries of several galleries, `rows` saying where those of each belong."""
        order = np.argsort(np.concatenate(rows))
        names = ("size", "relevant", "above", "tied", "tied_relevant", "top")
        return cls(*(np.concatenate([getattr(p, name) for p in parts])[order] for name in names))

    @property
    def shuffled(self) -> QueryRanks:
        """The same candidates, all of them equal: what a random ranking gives on average."""
        chance = ratio(self.relevant, self.size)[:, None]
        return QueryRanks(
            self.size, self.relevant, np.zeros_like(self.size), self.size, self.relevant,
            np.where(np.arange(DEEPEST) < self.size[:, None], chance, 0.0),
        )  # fmt: skip

    @cached_property
    def defined(self) -> npt.NDArray[np.bool_]:
        """(Q,) whether there is something to find."""
        return self.relevant > 0

    @cached_property
    def first(self) -> FloatArray:
        """(Q, M) probability that the first relevant candidate has rank 1, 2, ... M.

        Among g equals of which r are relevant, drawn without replacement, the first relevant one is
        the x-th with probability r / (g - x + 1) times that of no earlier one.
        """
        others = np.where(self.defined, self.tied - self.tied_relevant, 0)
        last = int((self.above + others)[self.defined].max(initial=0)) + 1
        found = np.zeros((len(self.size), last))
        rows = np.flatnonzero(self.defined)
        none_yet = np.ones(len(rows))
        drawn = 0
        while rows.size:
            left, wanted = self.tied[rows] - drawn, self.tied_relevant[rows]
            found[rows, self.above[rows] + drawn] = none_yet * wanted / left
            none_yet = none_yet * (left - wanted) / left
            drawn += 1
            more = others[rows] >= drawn
            rows, none_yet = rows[more], none_yet[more]
        return found

    def precision(self, k: int) -> FloatArray:
        """(Q,) relevant among the first k, over k."""
        return self._where_defined(self.top[:, :k].sum(axis=1) / k)

    def recall(self, k: int) -> FloatArray:
        """(Q,) relevant among the first k, over all that are relevant."""
        return self._where_defined(ratio(self.top[:, :k].sum(axis=1), self.relevant))

    def hit(self, k: int) -> FloatArray:
        """(Q,) probability of any relevant one among the first k."""
        return self._where_defined(self.first[:, :k].sum(axis=1))

    def reciprocal(self) -> FloatArray:
        """(Q,) 1 / rank of the first relevant one."""
        return self._where_defined(self.first @ (1.0 / self._places))

    def rank(self) -> FloatArray:
        """(Q,) rank of the first relevant one."""
        return self._where_defined(self.first @ self._places)

    def ndcg(self, k: int) -> FloatArray:
        """(Q,) discounted gain of the first k with 1 / log2(1 + rank), over the best possible."""
        discounts = 1.0 / np.log2(np.arange(2, k + 2))
        ideal = np.r_[0.0, np.cumsum(discounts)][np.minimum(self.relevant, k)]
        return self._where_defined(ratio(self.top[:, :k] @ discounts, ideal))

    @property
    def _places(self) -> FloatArray:
        return np.arange(1, self.first.shape[1] + 1, dtype=np.float64)

    def _where_defined(self, values: FloatArray) -> FloatArray:
        return np.where(self.defined, values, np.nan)
