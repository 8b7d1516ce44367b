"""The curves behind metrics: equal to scikit-learn's, and their areas to the metrics."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from cxrbench.metrics.base import evaluate
from cxrbench.metrics.calibration import METRICS
from cxrbench.metrics.curves import precision_curves, reliability, roc_curves
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.registry import get_metric

FINE = np.linspace(0, 1, 20_001)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 3)) < [0.5, 0.2, 0.05]).astype(float)
    scores = np.round(1 / (1 + np.exp(-(labels * 1.2 - 0.8 + rng.normal(size=labels.shape)))), 2)
    labels[:7, 1] = np.nan
    return ClassificationInput(scores, labels, ("a", "b", "c"))


def known(data, column):
    rows = data.known[:, column]
    return data.labels[rows, column], data.scores[rows, column]


@pytest.mark.parametrize("column", range(3))
def test_a_roc_curve_is_that_of_scikit_learn(data, column):
    false, true, _ = roc_curve(*known(data, column), drop_intermediate=False)
    grid = np.linspace(0.0005, 0.9995, 77)
    (found,) = roc_curves(data.rankings[column], np.ones((1, 300)), grid)
    assert found == pytest.approx(np.interp(grid, false, true))


@pytest.mark.parametrize("column", range(3))
def test_precision_is_that_of_the_first_threshold_with_the_recall(data, column):
    precision, recall, _ = precision_recall_curve(*known(data, column))
    grid = np.linspace(0.0005, 1, 77)
    (found,) = precision_curves(data.rankings[column], np.ones((1, 300)), grid)
    expected = [precision[np.flatnonzero(recall >= least)[-1]] for least in grid]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("curves", "metric"), [(roc_curves, "auroc-macro"),
                                                (precision_curves, "auprc-macro")])  # fmt: skip
def test_areas_are_the_metrics_also_under_weights(data, curves, metric):
    weights = np.random.default_rng(1).integers(0, 4, size=(3, 300)).astype(float)
    per_class = get_metric(metric).per_class(data, weights)
    middle = (FINE[1:] + FINE[:-1]) / 2
    for column, ranking in enumerate(data.rankings):
        areas = curves(ranking, weights, middle).mean(axis=1)
        assert areas == pytest.approx(per_class[:, column], abs=2e-4)


def test_a_replicate_without_a_class_has_no_curve(data):
    weights = np.stack([np.ones(300), np.where(data.labels[:, 0] == 1, 0.0, 1.0)])
    for curves in (roc_curves, precision_curves):
        found = curves(data.rankings[0], weights, FINE[::1000])
        assert np.isnan(found).any(axis=1).tolist() == [False, True]


def test_bins_are_those_of_the_calibration_error(data):
    metric = METRICS[0]
    value = evaluate(metric, data)
    for column, found in enumerate(reliability(metric, data)):
        labels, scores = known(data, column)
        frequency, mean = calibration_curve(labels, scores, n_bins=metric.bins)
        assert found.counts.sum() == len(labels)
        gaps = np.abs(found.frequencies - found.scores)
        assert (found.counts * gaps).sum() / len(labels) == pytest.approx(
            value.per_class[data.names[column]]
        )
        assert len(found.counts) == len(frequency)
        assert found.scores == pytest.approx(mean, abs=0.02)  # bins there hold their upper edge
