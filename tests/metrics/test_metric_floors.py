"""The trivial floor is the best that scores which ignore the image can reach."""

import itertools

import numpy as np
import pytest

from cxrbench.metrics import ClassificationInput, evaluate, get_metric

LABELS = np.array(
    [
        [1, 0, 1],
        [1, 0, 1],
        [1, 1, np.nan],
        [0, 0, 1],
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, np.nan],
    ]
)


def constant(scores, labels=LABELS):
    names = [str(c) for c in range(labels.shape[1])]
    spread = np.broadcast_to(scores, labels.shape)
    return ClassificationInput(spread, labels, names, np.full(labels.shape[1], 0.5))


@pytest.mark.parametrize(
    "metric_id",
    [
        "auroc-macro",
        "auroc-micro",
        "auprc-macro",
        "auprc-micro",
        "f1-macro@0.5",
        "f1-micro@0.5",
        "f1-macro@val-threshold",
        "f1-macro@best-on-test",
        "f1-micro@best-global-on-test",
        "accuracy-elementwise@0.5",
        "sensitivity@0.5",
        "specificity@0.5",
        "balanced-accuracy@0.5",
        "brier-macro",
        "ece-15",
    ],
)
def test_floor_is_the_best_constant_predictor_by_brute_force(metric_id):
    metric = get_metric(metric_id)
    # Every combination of a grid that contains the prevalences 6/8, 2/8 and 3/6.
    grid = np.linspace(0, 1, 13)
    grid = np.union1d(grid, [0.25, 0.5, 0.75])
    reached = [
        evaluate(metric, constant(s)).value for s in itertools.product(grid[::2], grid, grid)
    ]
    reached += [evaluate(metric, constant((0.75, s, t))).value for s in grid for t in grid]
    best = max(reached) if metric.higher_is_better else min(reached)
    assert metric.floor(constant(0.3)) == pytest.approx(best, abs=1e-12)


def test_floors_by_hand():
    labels = np.zeros((10, 1))
    labels[:2] = 1
    data = constant(0.9, labels)
    assert get_metric("accuracy-top1").floor(data) == pytest.approx(0.8)
    assert get_metric("f1-binary@0.5").floor(data) == pytest.approx(2 * 2 / (2 * 2 + 8))
    assert get_metric("auroc-macro").floor(data) == 0.5
    assert get_metric("auprc-macro").floor(data) == pytest.approx(0.2)
    assert get_metric("brier-macro").floor(data) == pytest.approx(0.2 * 0.8)


def test_pooled_auroc_of_prevalences_is_far_above_one_half():
    labels = np.zeros((10, 2))
    labels[:9, 0] = 1
    labels[:1, 1] = 1
    assert get_metric("auroc-micro").floor(constant(0.5, labels)) == pytest.approx(0.9)
    assert get_metric("auroc-macro").floor(constant(0.5, labels)) == 0.5


def test_floors_leave_out_the_labels_the_value_leaves_out():
    labels = np.zeros((4, 2))
    labels[0, 0] = 1
    data = constant(0.3, labels)
    assert get_metric("auprc-macro").floor(data) == pytest.approx(0.25)
    assert get_metric("f1-macro@0.5").floor(data) == pytest.approx(0.4)


def test_the_floor_does_not_depend_on_the_scores():
    rng = np.random.default_rng(0)
    names = ["0", "1", "2"]
    data = ClassificationInput(rng.random(LABELS.shape), LABELS, names)
    for metric_id in ("auroc-micro", "f1-micro@0.5", "brier-macro", "auprc-macro"):
        assert get_metric(metric_id).floor(data) == get_metric(metric_id).floor(constant(0.1))
