"""Bootstrap weights and percentile intervals."""

import math

import numpy as np
import pytest

from cxrbench.errors import DataError
from cxrbench.metrics import ClassificationInput, bootstrap_weights, get_metric, percentile_interval


def draw(groups, replicates=50, seed=0):
    return np.concatenate(list(bootstrap_weights(groups, replicates, seed)))


def test_samples_of_a_patient_are_drawn_together_and_patients_add_up():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    weights = draw(groups)
    assert weights.shape == (50, 6)
    for name in "abc":
        member = weights[:, groups == name]
        assert (member == member[:, :1]).all()
    first = [int(np.flatnonzero(groups == name)[0]) for name in "abc"]
    assert (weights[:, first].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_every_patient_is_drawn_once_on_average():
    means = draw([str(i) for i in range(20)], replicates=4000).mean(axis=0)
    # The sd of a mean of 4000 draws of variance 0.95 is 0.015.
    assert means == pytest.approx(np.ones(20), abs=0.08)


def test_a_number_makes_every_sample_its_own_group():
    assert np.array_equal(draw(7), draw(list(range(7))))
    assert (draw(7).sum(axis=1) == 7).all()


def test_the_seed_decides():
    assert np.array_equal(draw(30, seed=3), draw(30, seed=3))
    assert not np.array_equal(draw(30, seed=3), draw(30, seed=4))


def test_the_block_size_does_not_change_the_draws(monkeypatch):
    whole = draw(30)
    monkeypatch.setattr("cxrbench.metrics.bootstrap._BLOCK_BYTES", 8 * 30 * 7)
    blocks = list(bootstrap_weights(30, 50, 0))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert np.array_equal(np.concatenate(blocks), whole)


def test_the_order_of_samples_does_not_change_the_draws():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    order = [5, 3, 0, 1, 4, 2]
    assert np.array_equal(draw(groups)[:, order], draw(groups[order]))


def test_no_sample_is_an_error():
    with pytest.raises(DataError, match="cannot resample"):
        draw([])


def test_percentile_interval():
    assert percentile_interval(np.arange(101)) == pytest.approx((2.5, 97.5))
    assert percentile_interval(np.arange(101), level=0.5) == pytest.approx((25, 75))
    assert percentile_interval([1.0, 2.0, np.nan, 3.0], level=0.5) == pytest.approx((1.5, 2.5))
    assert percentile_interval([1.0, np.nan, np.nan]) is None
    assert percentile_interval([]) is None


def test_coverage_of_clustered_and_naive_intervals():
    """Every patient has four near-identical images; the true AUROC is known in closed form."""
    truth = 0.5 * (1 + math.erf(1 / 2))  # normal scores, one sd apart: Phi(1 / sqrt 2)
    rng = np.random.default_rng(0)
    metric = get_metric("auroc-macro")
    hits = {"patient": 0, "sample": 0}
    trials = 150
    for trial in range(trials):
        patient = np.repeat(np.arange(50), 4)
        sick = (np.arange(50) % 2).astype(float)
        logits = (rng.normal(size=50) + sick)[patient]
        scores = 1 / (1 + np.exp(-logits))
        data = ClassificationInput(scores[:, None], sick[patient][:, None], ["x"])
        for unit, groups in (("patient", patient), ("sample", len(patient))):
            weights = draw(groups, replicates=200, seed=trial)
            low, high = percentile_interval(metric.per_class(data, weights)[:, 0])
            hits[unit] += low <= truth <= high
    # 95 % of 150 has an sd of 1.8 %; a naive interval is half as wide as it should be.
    assert 0.88 <= hits["patient"] / trials <= 0.99
    assert hits["sample"] / trials < 0.80
