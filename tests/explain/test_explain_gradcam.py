"""Which images Grad-CAM is shown on, and the classifier it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cxrbench.data.regions import Box
from cxrbench.data.samples import Sample, Split
from cxrbench.explain.classifier import C, fittable, linear
from cxrbench.explain.gradcam import cases, inside, regions_of
from cxrbench.explain.view import View

NAMES = ("a", "b", "c")


def split(labels, marked=()):
    boxes = dict(marked)
    samples = tuple(
        Sample(str(n), str(n), Path("x"), regions=boxes.get(n)) for n in range(len(labels))
    )
    return Split(samples, np.array(labels, np.float32), True)


def box(label):
    return (Box(0, 0, 1, 1, label),)


def test_the_classifier_is_logistic_regression_on_standardised_features():
    rng = np.random.default_rng(0)
    features = rng.normal(3, [1, 5, 0.2, 2], (60, 4))
    labels = (features[:, :2] + rng.normal(0, 3, (60, 2)) > 3).astype(np.float32)
    weights, bias = linear(features, labels)
    scaled = StandardScaler().fit_transform(features)
    for column in range(2):
        model = LogisticRegression(C=C, tol=1e-8).fit(scaled, labels[:, column])
        wanted = model.decision_function(scaled)
        found = features @ weights[:, column] + bias[column]
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_label_needs_both_classes():
    nan = float("nan")
    assert fittable(np.array([[1, 1, nan], [0, 1, 0], [nan, 1, 1]], np.float32)) == (0, 2)


def test_labels_take_turns_and_an_image_comes_once():
    data = split([[1, 0, 0]] * 3 + [[0, 1, 0]] * 2 + [[1, 1, 0]])
    found = cases(data, NAMES, (0, 1, 2), np.random.default_rng(0))
    assert sorted(row for row, _ in found) == list(range(6))
    assert {column for _, column in found[:2]} == {0, 1}
    assert all(data.labels[row, column] == 1 for row, column in found)


@pytest.mark.parametrize("seed", range(5))
def test_images_with_the_finding_marked_come_first(seed):
    marked = {4: box("b"), 1: box("b"), 2: ()}
    data = split([[1, 1, 0]] * 3 + [[0, 1, 0]] * 3, marked.items())
    found = cases(data, NAMES, (0, 1), np.random.default_rng(seed))
    first = [case for case in found if case[1] == 1][:1]
    assert first[0][0] in (1, 4)
    assert found[0][1] == 1, "a label that is marked somewhere comes before one that is not"


def test_a_region_without_a_label_is_of_any():
    sample = Sample("x", "x", Path("x"), regions=(Box(0, 0, 1, 1, "a"), Box(2, 2, 1, 1)))
    assert regions_of(sample, "a") == sample.regions
    assert regions_of(sample, "b") == sample.regions[1:]
    assert regions_of(Sample("x", "x", Path("x")), "a") == ()


def test_heat_inside_what_is_marked():
    marked = np.zeros((4, 4), bool)
    marked[:2] = True
    heat = np.arange(16.0).reshape(4, 4)
    seen = View(np.zeros((4, 4), np.uint8), marked)
    assert inside(seen, heat) == pytest.approx((28 / 120, 0.5))
    assert np.isnan(inside(View(seen.grey, None), heat)).all()
    assert np.isnan(inside(seen, 0 * heat)).all()
