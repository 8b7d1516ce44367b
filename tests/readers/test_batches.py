"""Batches of like lengths: every text once, little padding, the order restored."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.readers.batches import by_length, run_by_length


@given(st.lists(st.integers(0, 60), max_size=50), st.integers(1, 100))
def test_every_text_is_in_one_batch_of_a_size_allowed(lengths, most):
    batches = list(by_length(lengths, most))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= most
    seen = [lengths[row] for batch in batches for row in batch]
    assert seen == sorted(lengths, reverse=True)


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=400), min_size=1, max_size=12))
def test_rows_are_those_of_each_text_alone(ids):
    asked = []

    def forward(tokens, mask):
        asked.append(tuple(tokens.shape))
        assert ((tokens != 0) == mask.bool()).all()
        return torch.stack([(tokens * mask).sum(1), mask.sum(1)], 1)

    found = run_by_length(ids, forward, pad=0, device=torch.device("cpu"))
    assert found.dtype == torch.float32
    assert found.tolist() == [[sum(one), len(one)] for one in ids]
    assert sum(rows for rows, _ in asked) == len(ids)


def test_an_error_of_the_network_is_not_swallowed():
    def forward(tokens, mask):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run_by_length([[1]], forward, pad=0, device=torch.device("cpu"))
