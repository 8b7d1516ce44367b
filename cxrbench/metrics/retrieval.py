"""Retrieval among images and reports, in both directions.

`i2t`: an image asks for reports; `t2i`: a report asks for images. Relevant is every candidate whose
labels are all equal to the query's. The query's own partner is one of them, and counts, unless the
id ends with `-no-own`: then it is no candidate. `pair`: the partner alone is relevant. Samples of
one study share a report, so that all of them are partners of each. Candidates of equal similarity
are in random order: a value is the mean over all orders. The floor is the exact mean over random
rankings, which equal similarities therefore reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.retrieval_inputs import Direction, Relevance, RetrievalInput
from cxrbench.metrics.retrieval_ranks import QueryRanks
from cxrbench.metrics.weights import sample_weights

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class MeanOverQueries(BaseMetric[RetrievalInput]):
    """Mean over queries of what a ranking is worth; queries without a relevant candidate left out.

    Attributes:
        direction: Who asks.
        relevance: What counts as found.
        worth: Rankings of Q queries to the (Q,) worth of each.
    """

    direction: Direction
    relevance: Relevance
    worth: Callable[[QueryRanks], FloatArray]

    @property
    def input_type(self) -> type[RetrievalInput]:
        """Similarities of images and texts."""
        return RetrievalInput

    def per_class(self, data: RetrievalInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where no query has a relevant candidate."""
        return _mean(self.per_sample(data), sample_weights(weights, len(data)))

    def floor(self, data: RetrievalInput) -> float:
        """The mean over all orders of the candidates."""
        values = data.per_query(
            f"floor {self.id}", lambda: self.worth(data.shuffled(self.direction, self.relevance))
        )
        return float(_mean(values, sample_weights(None, len(data)))[0, 0])

    def per_sample(self, data: RetrievalInput) -> FloatArray:
        """(Q,) worth of each query."""
        return data.per_query(
            self.id, lambda: self.worth(data.ranks(self.direction, self.relevance))
        )


@dataclass(frozen=True, kw_only=True)
class MedianRank(MeanOverQueries):
    """Median over queries, and over orders of equals, of the rank of the first relevant one.

    Without ties it is the median of the ranks; of an even number the mean of the middle two. With
    ties every order counts as a case of its own.
    """

    def per_class(self, data: RetrievalInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where no query has a relevant candidate."""
        ranks = data.ranks(self.direction, self.relevance)
        return _median(ranks, data, sample_weights(weights, len(data)))

    def floor(self, data: RetrievalInput) -> float:
        """The median over all orders of the candidates."""
        ranks = data.shuffled(self.direction, self.relevance)
        return float(_median(ranks, data, sample_weights(None, len(data)))[0, 0])


def _mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    defined = ~np.isnan(values)
    total = weights @ np.where(defined, values, 0.0)
    return ratio(total, weights @ defined.astype(np.float64))[:, None]


def _median(ranks: QueryRanks, data: RetrievalInput, weights: FloatArray) -> FloatArray:
    """(R, 1) from the probability of each rank, mixed over the weighted queries."""
    found = ranks.first[data.asking]
    total = weights @ ranks.defined[data.asking].astype(np.float64)
    share = ratio(np.cumsum(weights @ found, axis=1), total[:, None])
    lower = (share >= 0.5 - _ROUNDING).argmax(axis=1)
    upper = (share > 0.5 + _ROUNDING).argmax(axis=1)
    return np.where(total > 0, 1 + (lower + upper) / 2, np.nan)[:, None]


def _precision(ranks: QueryRanks, k: int) -> FloatArray:
    return ranks.precision(k)


def _hit(ranks: QueryRanks, k: int) -> FloatArray:
    return ranks.hit(k)


def _recall(ranks: QueryRanks, k: int) -> FloatArray:
    return ranks.recall(k)


def _ndcg(ranks: QueryRanks, k: int) -> FloatArray:
    return ranks.ndcg(k)


_ASKS = {"i2t": "image for reports", "t2i": "report for images"}
_FOUND = {
    "class": "same labels, own study included",
    "other": "same labels, own study no candidate",
    "pair": "own study alone",
}
_SUFFIX = {"class": "", "other": "-no-own", "pair": ""}


def _metrics(direction: Direction, relevance: Relevance) -> list[MeanOverQueries]:
    """All metrics of one direction and one notion of what is relevant."""
    pair = relevance == "pair"
    about = f"{_ASKS[direction]}; relevant: {_FOUND[relevance]}"

    def name(what: str) -> str:
        return f"{direction}-{'pair-' if pair else ''}{what}{_SUFFIX[relevance]}"

    def mean(
        what: str, worth: Callable[[QueryRanks], FloatArray], said: str, formula: str, source: str
    ) -> MeanOverQueries:
        return MeanOverQueries(
            id=name(what), summary=f"{said} ({about}).", formula=f"mean over queries of {formula}",
            source=source, averaging="micro", direction=direction, relevance=relevance, worth=worth,
        )  # fmt: skip

    hits = [
        mean(
            f"hit@{k}", partial(_hit, k=k), f"Queries with any relevant one of the first {k}",
            f"1 if rank of the first relevant <= {k} else 0",
            "torchmetrics RetrievalHitRate; what many papers print as R@K",
        )
        for k in (1, 5, 10)
    ]  # fmt: skip
    reciprocal = mean(
        "mrr", QueryRanks.reciprocal, "Reciprocal rank of the first relevant one",
        "1 / rank of the first relevant", "torchmetrics RetrievalMRR",
    )  # fmt: skip
    median = MedianRank(
        id=name("median-rank"),
        summary=f"Median rank of the first relevant one ({about}).",
        formula="median over queries of the rank of the first relevant",
        source="NumPy median; of an even number the mean of the middle two",
        range=(1.0, float("inf")),
        unit="rank",
        higher_is_better=False,
        averaging="micro",
        direction=direction,
        relevance=relevance,
        worth=QueryRanks.rank,
    )
    if pair:
        return [*hits, reciprocal, median]
    precisions = [
        mean(
            f"precision@{k}", partial(_precision, k=k), f"Share of relevant ones of the first {k}",
            f"(relevant of the first {k}) / {k}", "torchmetrics RetrievalPrecision",
        )
        for k in (1, 5, 10)
    ]  # fmt: skip
    recalls = [
        mean(
            f"recall@{k}", partial(_recall, k=k), f"Share of all relevant ones in the first {k}",
            f"(relevant of the first {k}) / (all relevant)",
            "torchmetrics RetrievalRecall; not what many papers print as R@K, which is hit@K",
        )
        for k in (5, 10)
    ]  # fmt: skip
    gain = mean(
        "ndcg@10", partial(_ndcg, k=10), "Discounted gain of the first 10 over the best possible",
        "sum_{p<=10} rel_p / log2(1 + p), over that of the best order",
        "Järvelin and Kekäläinen 2002; scikit-learn ndcg_score(k=10)",
    )  # fmt: skip
    return [*precisions, *hits, *recalls, reciprocal, gain, median]


METRICS = tuple(
    metric
    for direction in ("i2t", "t2i")
    for relevance in ("class", "other", "pair")
    for metric in _metrics(direction, relevance)
)
