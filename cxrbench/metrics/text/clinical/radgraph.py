"""RadGraph F1 (Delbrouck et al. 2022): do both reports name the same entities and relations?

A model reads a graph out of each report (`cxrbench.readers.radgraph`). Both graphs are turned into
sets, whose F1 is the value of the pair; the metric is the mean over pairs.

- `simple`: (words, label) of each entity.
- `partial`: the same, and whether it has a relation to another entity.
- `complete`: (words, label, relation, words of the other entity) for each relation, in lower case;
  (words, label) of an entity that has none.
- `combined`: the mean of two F1: of entities as in `simple`, and of relations, (words and label of
  either entity, name). Two reports without relations have 0 there. It is what RadCliQ is made of
  and what ReXrank prints as RadGraph.

0 where either report has no entity. These are the rewards of the package `radgraph` (0.0.9 as well
as 0.1.18), and `combined` is that of CXR-Report-Metric (Yu et al. 2023). Words are compared as they
are written, but in `complete`: put both texts into lower case if case should not count.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.clinical.pairs import PairMean
from cxrbench.metrics.text.inputs import Corpus
from cxrbench.readers.graphs import Graph

Items = set[Hashable]


class Rewards(NamedTuple):
    """The four values of a pair, each in 0..1; see the module."""

    simple: float
    partial: float
    complete: float
    combined: float


def rewards(reference: Graph, generated: Graph) -> Rewards:
    """The values of a pair of graphs."""
    if not reference or not generated:
        return Rewards(0.0, 0.0, 0.0, 0.0)
    simple, partial, complete, relations = (
        _f1(items(reference), items(generated))
        for items in (_entities, _with_presence, _with_relations, _relations)
    )
    return Rewards(simple, partial, complete, (simple + relations) / 2)


def _entities(graph: Graph) -> Items:
    return {(one.words, one.label) for one in graph}


def _with_presence(graph: Graph) -> Items:
    return {(one.words, one.label, bool(one.relations)) for one in graph}


def _with_relations(graph: Graph) -> Items:
    alone: Items = {(one.words, one.label) for one in graph if not one.relations}
    return alone | {
        (one.words.lower(), one.label, name, graph[other].words.lower())
        for one in graph
        for name, other in one.relations
    }


def _relations(graph: Graph) -> Items:
    return {
        (one.words, one.label, name, graph[other].words, graph[other].label)
        for one in graph
        for name, other in one.relations
    }


def _f1(left: Items, right: Items) -> float:
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 0.0


def radgraph_rewards(corpus: Corpus) -> FloatArray:
    """(N, 4) rewards of pairs as RadGraph reads them.

    Raises:
        MetricUnavailable: When RadGraph is not on this machine, or is not whole.
    """
    return _rewards(corpus, "radgraph")


def radgraph_xl_rewards(corpus: Corpus) -> FloatArray:
    """(N, 4) rewards of pairs as RadGraph-XL reads them.

    Raises:
        MetricUnavailable: When RadGraph-XL is not on this machine, or is not whole.
    """
    return _rewards(corpus, "radgraph-xl")


def _rewards(corpus: Corpus, reader: str) -> FloatArray:
    with reading():
        from cxrbench.readers.radgraph import RadGraph  # it imports torch

        model = RadGraph.load(reader)
        pairs = zip(model.read(corpus.references), model.read(corpus.generated), strict=True)
        return np.array([rewards(ours, theirs) for ours, theirs in pairs])


_FORMULAS = {
    "simple": ("entities", "items (words, label)"),
    "partial": ("entities and whether they are related", "items (words, label, has a relation)"),
    "complete": ("entities and relations", "items (words, label[, relation, words])"),
    "combined": (
        "entities and of relations, mean of both",
        "(F1 of entities + F1 of relations) / 2",
    ),
}
_READERS: dict[str, tuple[str, str, Callable[[Corpus], FloatArray]]] = {
    "radgraph": ("RadGraph", "Jain et al. 2021", radgraph_rewards),
    "radgraph-xl": ("RadGraph-XL", "Delbrouck et al. 2024", radgraph_xl_rewards),
}
METRICS = tuple(
    PairMean(
        id=f"{reader}-f1-{name}",
        summary=f"F1 of {what} that {title} finds in both reports, mean over reports.",
        formula=f"mean of 2 both / (reference + generated), {formula}; 0 without entities",
        source=f"{source}; rewards of the package radgraph 0.1.18 (Delbrouck et al. 2022)"
        if name != "combined"
        else f"{source}; Yu et al. 2023, CXR-Report-Metric",
        averaging="micro",
        readers=(reader,),
        values=values,
        column=Rewards._fields.index(name),
    )
    for reader, (title, source, values) in _READERS.items()
    for name, (what, formula) in _FORMULAS.items()
)
