"""Graphs, and how they are kept without words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrbench.readers.graphs import Entity, Spans

SPANS = Spans(((0, 0, 1), (2, 3, 0)), ((0, 1, 2), (1, 0, 0), (1, 1, 1)))


def test_words_are_put_back():
    graph = SPANS.graph(["No", "left", "pleural", "fluid"], ["ANAT", "OBS"], ["a", "b", "c"])
    assert graph == (
        Entity("No", "OBS", (("c", 1),)),
        Entity("pleural fluid", "ANAT", (("a", 0), ("b", 1))),
    )


small = st.integers(0, 2000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(small, small, small), max_size=9),
    st.lists(st.tuples(small, small, small), max_size=9),
    st.integers(1, 80),
)
def test_a_row_is_the_spans_or_says_how_much_longer_it_would_be(entities, relations, size):
    spans = Spans(tuple(entities), tuple(relations))
    row = spans.row(size)
    assert row.shape == (size,)
    assert row.dtype == np.int32
    assert row[0] == 3 + 3 * len(entities) + 3 * len(relations)
    if row[0] <= size:
        assert Spans.of_row(row) == spans
        assert Spans.of_row(spans.row(size + 5)) == spans


@pytest.mark.parametrize("size", [3, 4])
def test_an_empty_graph_is_a_row_too(size):
    assert Spans.of_row(Spans((), ()).row(size)) == Spans((), ())
