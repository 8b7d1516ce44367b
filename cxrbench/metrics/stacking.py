"""The samples of one model's input, then those of another's, as one input of 2N samples.

Weights then say whose prediction of each sample counts, so that any metric that takes weights is
evaluated on mixed predictions exactly, many mixtures at once. A plugin with an input of its own
registers how two of them are stacked: `stack.register(MyInput)(function)`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from cxrbench.errors import BadRequest
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.masks import Distances, MaskInput
from cxrbench.metrics.ranking import FloatArray, IntArray
from cxrbench.metrics.retrieval_inputs import Direction, Relevance, RetrievalInput
from cxrbench.metrics.retrieval_ranks import QueryRanks
from cxrbench.metrics.text.inputs import Corpus, TextInput


@singledispatch
def stack(first: Any, second: Any) -> Any:
    """One input of the samples of both.

    Args:
        first: N samples, on the scale that `Metric.exchangeable` gives them.
        second: The same samples, predicted by another model.

    Raises:
        BadRequest: When nobody has said how such inputs are stacked.
    """
    raise BadRequest(
        "the predictions of the two models cannot be mixed",
        why=f"nothing is registered that stacks {type(first).__name__}",
        fix="in the plugin, register a function with cxrbench.metrics.stacking.stack",
    )


@stack.register(ClassificationInput)
def _labels(first: ClassificationInput, second: Any) -> ClassificationInput:
    thresholds = first.thresholds
    if thresholds is not None and not np.array_equal(thresholds, second.thresholds):
        thresholds = None  # no metric needs them that has not made decisions of them
    return ClassificationInput(
        np.concatenate([first.scores, second.scores]),
        np.concatenate([first.labels, second.labels]),
        first.names,
        thresholds,
    )


@stack.register(MaskInput)
def _masks(first: MaskInput, second: Any) -> MaskInput:
    distances = None
    if first.distances is not None and second.distances is not None:
        distances = Distances(*_joined(first.distances, second.distances, "found", "empty", "full"))
    tp, fp, fn, tn = _joined(first, second, "tp", "fp", "fn", "tn")
    return MaskInput(tp, fp, fn, tn, distances)


def _joined(first: Any, second: Any, *names: str) -> list[FloatArray]:
    return [np.concatenate([getattr(first, name), getattr(second, name)]) for name in names]


@stack.register(RetrievalInput)
def _queries(first: RetrievalInput, second: Any) -> StackedQueries:
    return StackedQueries(first, second)


@stack.register(TextInput)
def _texts(first: TextInput, second: Any) -> StackedTexts:
    return StackedTexts(first, second)


@dataclass(frozen=True, eq=False)
class StackedQueries:
    """The queries of two retrieval inputs, each in its own gallery."""

    first: RetrievalInput
    second: RetrievalInput
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    @property
    def asking(self) -> IntArray:
        """(2Q,) the samples that ask, counted through both galleries."""
        return np.concatenate([self.first.asking, len(self.first.values) + self.second.asking])

    def ranks(self, direction: Direction, relevance: Relevance) -> QueryRanks:
        """Rankings of all samples of both as queries, gathered once."""
        key = direction, relevance
        if key not in self._kept:
            parts = [side.ranks(direction, relevance) for side in (self.first, self.second)]
            sizes = [len(part.size) for part in parts]
            rows = [np.arange(sizes[0]), sizes[0] + np.arange(sizes[1])]
            self._kept[key] = QueryRanks.gathered(parts, rows)
        found: QueryRanks = self._kept[key]
        return found

    def per_query(self, key: str, compute: Callable[[], FloatArray]) -> FloatArray:
        """(2Q,) values of the samples that ask, of what `compute` says once of all."""
        if key not in self._kept:
            self._kept[key] = compute()
        found: FloatArray = self._kept[key]
        return found[self.asking]


@dataclass(frozen=True, eq=False)
class StackedTexts:
    """The pairs of two inputs of texts, each counted in its own corpus."""

    first: TextInput
    second: TextInput

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    @property
    def share(self) -> FloatArray:
        """(2N,) one over the number of pairs of the same input that have the same reference."""
        return np.concatenate([self.first.share, self.second.share])

    def once(self, key: Hashable, compute: Callable[[Corpus], FloatArray]) -> FloatArray:
        """(2N, ...) values of the pairs, computed once of either corpus."""
        return np.concatenate([self.first.once(key, compute), self.second.once(key, compute)])
