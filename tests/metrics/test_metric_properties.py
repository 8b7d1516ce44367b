"""Properties that hold for every metric, on random data."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxrbench.metrics import ClassificationInput, evaluate, get_metric, metric_ids

LABEL = [i for i in metric_ids() if get_metric(i).input_type is ClassificationInput]
MULTI = [i for i in LABEL if not getattr(get_metric(i), "one_label", False)]
SCORES = st.integers(0, 8).map(lambda k: k / 8)  # a coarse grid: many ties
LABELS = st.sampled_from([0.0, 1.0, np.nan])


@st.composite
def inputs(draw, max_n=12):
    shape = (draw(st.integers(1, max_n)), draw(st.integers(1, 3)))
    scores = draw(hnp.arrays(np.float64, shape, elements=SCORES))
    labels = draw(hnp.arrays(np.float64, shape, elements=LABELS))
    thresholds = draw(hnp.arrays(np.float64, shape[1:], elements=SCORES))
    return ClassificationInput(scores, labels, [str(c) for c in range(shape[1])], thresholds)


def rows(data, index):
    return ClassificationInput(data.scores[index], data.labels[index], data.names, data.thresholds)


def same(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("metric_id", MULTI)
@settings(max_examples=40, deadline=None)
@given(data=inputs(), seed=st.integers(0, 99))
def test_the_order_of_samples_does_not_matter(metric_id, data, seed):
    order = np.random.default_rng(seed).permutation(len(data.scores))
    metric = get_metric(metric_id)
    assert same(metric.per_class(data), metric.per_class(rows(data, order)))


@pytest.mark.parametrize("metric_id", MULTI)
@settings(max_examples=40, deadline=None)
@given(data=inputs(), seed=st.integers(0, 99))
def test_a_weight_of_m_is_the_sample_m_times(metric_id, data, seed):
    multiplicity = np.random.default_rng(seed).integers(0, 4, len(data.scores))
    multiplicity[0] = max(multiplicity[0], 1)
    metric = get_metric(metric_id)
    repeated = rows(data, np.repeat(np.arange(len(data.scores)), multiplicity))
    weighted = metric.per_class(data, multiplicity[None].astype(float))
    assert same(weighted, metric.per_class(repeated))


@pytest.mark.parametrize("metric_id", MULTI)
@settings(max_examples=25, deadline=None)
@given(data=inputs())
def test_values_stay_in_the_declared_range(metric_id, data):
    metric = get_metric(metric_id)
    values = metric.per_class(data)
    low, high = metric.range
    defined = values[~np.isnan(values)]
    assert ((defined >= low - 1e-12) & (defined <= high + 1e-12)).all()


@pytest.mark.parametrize("metric_id", ["auroc-macro", "auprc-macro"])
@settings(max_examples=40, deadline=None)
@given(data=inputs(), power=st.sampled_from([0.5, 2.0, 3.0]))
def test_ranking_metrics_ignore_monotone_transforms(metric_id, data, power):
    metric = get_metric(metric_id)
    moved = ClassificationInput(0.1 + 0.8 * data.scores**power, data.labels, data.names)
    assert same(metric.per_class(data), metric.per_class(moved))


@settings(max_examples=80, deadline=None)
@given(data=inputs(max_n=8))
def test_auroc_is_the_share_of_pairs_in_order(data):
    values = get_metric("auroc-macro").per_class(data)[0]
    for c, value in enumerate(values):
        s, y = data.scores[:, c], data.labels[:, c]
        pairs = [
            1.0 if p > q else 0.5 if p == q else 0.0
            for p, q in itertools.product(s[y == 1], s[y == 0])
        ]
        assert same(value, np.mean(pairs) if pairs else np.nan)


@settings(max_examples=40, deadline=None)
@given(data=inputs())
def test_swapping_the_classes_mirrors_auroc(data):
    metric = get_metric("auroc-macro")
    mirrored = ClassificationInput(data.scores, 1 - data.labels, data.names)
    assert same(metric.per_class(data), 1 - metric.per_class(mirrored))


@pytest.mark.parametrize("metric_id", ["auroc-macro", "auprc-macro"])
@settings(max_examples=25, deadline=None)
@given(data=inputs(), only=st.sampled_from([0.0, 1.0]))
def test_a_single_class_is_undefined(metric_id, data, only):
    data = ClassificationInput(data.scores, np.full_like(data.labels, only), data.names)
    assert np.isnan(get_metric(metric_id).per_class(data)).all()
    assert np.isnan(evaluate(get_metric(metric_id), data).value)
