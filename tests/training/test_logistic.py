"""Logistic regression against scikit-learn, one label at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cxrbench.training.logistic import Standardiser, fit_logistic

N, D, C = 120, 7, 4


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(N, D))
    truth = features @ rng.normal(size=(D, C)) + rng.normal(size=(N, C))
    return features, (truth > 0.7).astype(np.float32)


def theirs(features, labels, c):
    known = ~np.isnan(labels)
    model = LogisticRegression(C=c, tol=1e-10, max_iter=10_000)
    return model.fit(features[known], labels[known])


@pytest.mark.parametrize("c", [0.001, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("gaps", [False, True])
def test_every_label_is_the_solution_of_scikit_learn(data, c, gaps):
    features, labels = data
    if gaps:
        labels = labels.copy()
        labels[np.random.default_rng(1).random(labels.shape) < 0.3] = np.nan
    found = fit_logistic(features, labels, c)
    probabilities = found.probabilities(features)
    for label in range(C):
        reference = theirs(features, labels[:, label], c)
        np.testing.assert_allclose(found.weights[:, label], reference.coef_[0], atol=2e-3)
        np.testing.assert_allclose(found.bias[label], reference.intercept_[0], atol=2e-3)
        np.testing.assert_allclose(
            probabilities[:, label], reference.predict_proba(features)[:, 1], atol=5e-4
        )


def test_a_label_does_not_depend_on_the_others(data):
    features, labels = data
    together = fit_logistic(features, labels, 0.3)
    for label in range(C):
        alone = fit_logistic(features, labels[:, [label]], 0.3)
        np.testing.assert_allclose(alone.weights[:, 0], together.weights[:, label], atol=1e-3)


def test_labels_of_one_class_get_their_rate_and_spoil_nothing(data):
    features, labels = data
    odd = np.concatenate(
        [np.zeros((N, 1)), labels, np.ones((N, 1)), np.full((N, 1), np.nan)], axis=1
    ).astype(np.float32)
    found = fit_logistic(features, odd, 0.3)
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.bias).all()
    scores = found.probabilities(features)
    assert (found.weights[:, [0, -2, -1]] == 0).all()
    assert scores[:, 0].max() < 1e-5
    assert scores[:, -2].min() > 1 - 1e-5
    np.testing.assert_allclose(scores[:, -1], 0.5)
    np.testing.assert_allclose(scores[:, 1:-2], fit_logistic(features, labels, 0.3).probabilities(
        features), atol=1e-3)  # fmt: skip


def test_a_start_from_a_smaller_c_ends_at_the_same_place(data):
    features, labels = data
    start = None
    for c in (0.0001, 0.003, 0.1, 1.0):
        start = fit_logistic(features, labels, c, start)
        cold = fit_logistic(features, labels, c)
        np.testing.assert_allclose(start.weights, cold.weights, atol=1e-3)
        np.testing.assert_allclose(
            start.probabilities(features), cold.probabilities(features), atol=5e-4
        )


def test_the_start_is_left_as_it_was(data):
    features, labels = data
    start = fit_logistic(features, labels, 0.01)
    weights, bias = start.weights.copy(), start.bias.copy()
    fit_logistic(features, labels, 1.0, start)
    np.testing.assert_array_equal(start.weights, weights)
    np.testing.assert_array_equal(start.bias, bias)


def test_separable_data_stay_finite():
    features = np.linspace(-1, 1, 20)[:, None]
    found = fit_logistic(features, (features > 0).astype(np.float32), 1e6)
    assert np.isfinite(found.weights).all()
    assert found.weights[0, 0] > 10


def test_the_standardiser_is_that_of_scikit_learn_with_constant_features():
    rng = np.random.default_rng(0)
    train, test = rng.normal(3, 5, (50, 6)), rng.normal(3, 5, (9, 6))
    train[:, 2] = 4.0
    ours, reference = Standardiser.fit(train), StandardScaler().fit(train)
    np.testing.assert_allclose(ours(test), reference.transform(test), atol=1e-12)
    np.testing.assert_allclose(ours(train)[:, 2], 0)
