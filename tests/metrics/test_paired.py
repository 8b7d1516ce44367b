"""Paired comparison of two sets of predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.errors import DataError
from cxrbench.metrics.paired import compare, holm
from cxrbench.metrics.text.inputs import TextInput

IDS = ["rouge-l-raw", "bleu1-raw"]


def texts(hits, n=40):
    """Pairs of which the first `hits` agree."""
    references = [f"a{i} b{i} c{i}" for i in range(n)]
    return TextInput.of(references, [r if i < hits else "x y z" for i, r in enumerate(references)])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values):
    """Holm (1979): the smallest p against a/m, the next against a/(m - 1), until one fails."""
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected, order = set(), np.argsort(p_values, kind="stable")
        for step, position in enumerate(order):
            if p_values[position] * (len(p_values) - step) > level:
                break
            rejected.add(position)
        assert {i for i, value in enumerate(adjusted) if value <= level} == rejected


def test_a_clear_difference_and_none():
    found = compare(texts(30), texts(10), IDS, replicates=999)
    for name in IDS:
        one = found[name]
        assert one.difference == pytest.approx(0.5)
        assert one.ci95[0] < 0.5 < one.ci95[1]
        assert one.p == 1 / 1000
        assert one.p_holm == 2 / 1000
    turned = compare(texts(10), texts(30), IDS, replicates=999)
    assert turned[IDS[0]].difference == pytest.approx(-0.5)
    assert turned[IDS[0]].p == 1 / 1000
    same = compare(texts(10), texts(10), IDS, replicates=99)[IDS[0]]
    assert (same.difference, same.p, same.p_holm) == (0, 1, 1)


def test_p_is_about_the_tail_of_a_normal_difference():
    """20 wins against 12 losses among 60: z = 7.5 / sqrt(32 - 64/60), counted in whole steps."""
    first, second = [0] * 60, [0] * 60
    first[:20], second[20:32] = [1] * 20, [1] * 12
    references = [f"w{i}" for i in range(60)]
    sides = [
        TextInput.of(
            references, [r if hit else "" for r, hit in zip(references, side, strict=True)]
        )
        for side in (first, second)
    ]
    found = compare(*sides, ["rouge-l-raw"], replicates=4000)["rouge-l-raw"]
    assert found.difference == pytest.approx(8 / 60)
    assert found.p == pytest.approx(0.177, abs=0.02)  # 2 (1 - Phi(1.35))


def test_groups_are_drawn_together():
    """With one group a half there are three possible draws, so p cannot be small."""
    groups = ["a"] * 20 + ["b"] * 20
    alone = compare(texts(30), texts(28), IDS, replicates=400)[IDS[0]].p
    grouped = compare(texts(30), texts(28), IDS, groups, replicates=400)[IDS[0]]
    assert grouped.p > 0.2
    assert grouped.p > alone
    one = compare(texts(30), texts(10), IDS, ["a"] * 40)[IDS[0]]
    assert (one.p, one.p_holm, one.ci95) == (None, None, None)


def test_other_samples_are_refused():
    with pytest.raises(DataError, match="cannot be compared"):
        compare(texts(3), texts(3, n=39), IDS)
