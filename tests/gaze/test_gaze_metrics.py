"""Map metrics against scipy, scikit-learn and definitions spelled out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import roc_auc_score

from cxrbench.gaze.metrics import (
    GAZE_METRICS,
    auc_judd,
    correlation,
    gaze_scores,
    kl_divergence,
    mean_score,
    normalised_scanpath_saliency,
)

seeds = st.integers(0, 2**20)


def maps(seed, cells=30):
    """A prediction with ties, heat with cold cells, and counts that are nowhere all or none."""
    rng = np.random.default_rng(seed)
    predicted = np.round(rng.random(cells), 1) + 0.05
    heat = rng.random(cells) * (rng.random(cells) > 0.3) + 1e-6 * (np.arange(cells) == 0)
    counts = rng.integers(0, 3, cells)
    counts[:2] = 0, 2
    return predicted, heat, counts


def means(predicted, heat, counts):
    return {name: mean_score(v) for name, v in gaze_scores(predicted, heat, counts).items()}


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_each_metric_is_what_its_definition_says(seed):
    predicted, heat, counts = maps(seed)
    assert float(kl_divergence(predicted, heat)) == pytest.approx(entropy(heat, predicted))
    assert float(correlation(predicted, heat)) == pytest.approx(np.corrcoef(predicted, heat)[0, 1])
    assert float(auc_judd(predicted, counts)) == pytest.approx(roc_auc_score(counts > 0, predicted))
    mean = sum(predicted) / 30
    deviation = math.sqrt(sum((p - mean) ** 2 for p in predicted) / 30)
    looked = [p for p, times in zip(predicted, counts, strict=True) for _ in range(times)]
    expected = sum((p - mean) / deviation for p in looked) / len(looked)
    assert float(normalised_scanpath_saliency(predicted, counts)) == pytest.approx(expected)


@given(seeds, st.floats(0.01, 100), st.floats(0, 5))
@settings(max_examples=30, deadline=None)
def test_scale_never_matters_and_offset_only_to_a_distribution(seed, scale, offset):
    predicted, heat, counts = maps(seed)
    for metric in GAZE_METRICS:
        known = {"heat": heat, "fixations": counts}[metric.against]
        expected = float(metric.compute(predicted, known))
        assert float(metric.compute(scale * predicted, 3 * known)) == pytest.approx(expected)
        if metric.id not in ("gaze-kl", "gaze-auc-judd"):  # rounding may join or split ties
            assert float(metric.compute(predicted + offset, known)) == pytest.approx(expected)
        assert metric.range[0] <= expected <= metric.range[1]


def test_the_best_and_the_worst():
    heat = np.array([0.0, 0, 1, 3])
    assert float(kl_divergence(heat, heat)) == pytest.approx(0, abs=1e-12)
    assert float(correlation(heat, heat)) == pytest.approx(1)
    assert float(correlation(-heat, heat)) == pytest.approx(-1)
    assert float(auc_judd(heat, heat)) == 1
    assert float(auc_judd(-heat, heat)) == 0
    assert float(kl_divergence([1, 0, 0, 0], [0, 0, 0, 1])) == pytest.approx(
        -math.log(2.2e-16), 0.01
    )
    one_cell = normalised_scanpath_saliency([0, 0, 0, 1], [0, 0, 0, 1])
    assert float(one_cell) == pytest.approx(math.sqrt(3)), "the most there is for four cells"


def test_what_is_undefined_is_nan_and_left_out_of_the_mean():
    flat, heat, none = np.ones(4), np.array([0.0, 1, 2, 0]), np.zeros(4)
    assert np.isnan(kl_divergence(flat, none))
    assert np.isnan(kl_divergence(none, heat))
    assert np.isnan(correlation(flat, heat))
    tenths = np.full(1369, 0.1)
    assert tenths.std() > 0, "a rounding error"
    assert np.isnan(correlation(tenths, np.arange(1369)))
    assert np.isnan(normalised_scanpath_saliency(flat, heat))
    assert np.isnan(normalised_scanpath_saliency(heat, none))
    assert np.isnan(auc_judd(heat, none))
    assert np.isnan(auc_judd(heat, flat))
    assert float(auc_judd(flat, heat)) == 0.5
    found = means([heat, heat], [none, heat], [none, heat])
    assert found["gaze-kl"] == pytest.approx(0, abs=1e-12)
    assert found["gaze-cc"] == pytest.approx(1)
    assert found["gaze-auc-judd"] == 1
    assert np.isnan(means([heat], [none], [none])["gaze-nss"])


@pytest.mark.parametrize("metric", GAZE_METRICS, ids=lambda m: m.id)
def test_many_maps_give_a_value_each(metric):
    several = [maps(seed) for seed in range(6)]
    known = [{"heat": heat, "fixations": counts}[metric.against] for _, heat, counts in several]
    predicted = [one for one, _, _ in several]
    expected = [float(metric.compute(p, k)) for p, k in zip(predicted, known, strict=True)]
    found = metric.compute(np.reshape(predicted, (2, 3, 30)), np.reshape(known, (2, 3, 30)))
    np.testing.assert_allclose(found.ravel(), expected)


def test_looking_where_the_reader_looked_is_better_by_every_metric():
    rng = np.random.default_rng(0)
    heat = rng.random((40, 50)) ** 4
    counts = rng.poisson(3 * heat)
    counts[:, 0], counts[:, 1] = 0, 1
    good, bad = heat + 0.3 * rng.random(heat.shape), rng.random(heat.shape)
    for metric in GAZE_METRICS:
        name, sign = metric.id, 1 if metric.higher_is_better else -1
        assert sign * (means(good, heat, counts)[name] - means(bad, heat, counts)[name]) > 0
