"""Rates, the ROC point, calibration, best-on-test F1 and pooled precision, with gaps and weights.

Oracles are scikit-learn and torchmetrics, label by label on the known entries.
"""

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    precision_recall_curve,
    recall_score,
    roc_curve,
)
from torchmetrics.classification import BinaryCalibrationError

from cxrbench.errors import BadRequest
from cxrbench.metrics import ClassificationInput, evaluate, get_metric, metric_ids, score


def make(seed=0, n=240, c=3, gaps=0.2, ties=False):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, c)) < [0.1, 0.3, 0.6][:c]).astype(float)
    scores = np.clip(0.4 + 0.2 * rng.normal(size=(n, c)) + 0.15 * labels, 0.001, 0.999)
    scores = np.round(scores, 1) if ties else scores
    labels[rng.random((n, c)) < gaps] = np.nan
    return ClassificationInput(scores, labels, [f"l{i}" for i in range(c)])


def known(data):
    """Scores, labels and positions of the known entries of each label."""
    for s, y in zip(data.scores.T, data.labels.T, strict=True):
        rows = np.flatnonzero(~np.isnan(y))
        yield s[rows], y[rows], rows


def roc_point(y, s, w=None):
    false, true, _ = roc_curve(y, s, sample_weight=w, drop_intermediate=False)
    return true[false <= 0.1 + 1e-9].max()


def best_f1(y, s, w=None):
    precision, recall, _ = precision_recall_curve(y, s, sample_weight=w)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    return f1.max()


ORACLES = {
    "sensitivity@0.5": lambda y, s, w=None: recall_score(y, s > 0.5, sample_weight=w),
    "specificity@0.5": lambda y, s, w=None: recall_score(y, s > 0.5, pos_label=0, sample_weight=w),
    "balanced-accuracy@0.5": lambda y, s, w=None: balanced_accuracy_score(
        y, s > 0.5, sample_weight=w
    ),
    "roc-sensitivity@specificity-0.90": roc_point,
    "f1-macro@best-on-test": best_f1,
}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("metric_id", ORACLES)
def test_each_label_equals_scikit_learn_on_its_known_entries(metric_id, ties):
    data = make(ties=ties)
    expected = [ORACLES[metric_id](y, s) for s, y, _ in known(data)]
    found = evaluate(get_metric(metric_id), data)
    assert list(found.per_class.values()) == pytest.approx(expected)
    assert found.value == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("metric_id", ORACLES)
def test_weights_equal_those_of_scikit_learn(metric_id):
    data = make(seed=3, ties=True)
    weights = np.random.default_rng(1).integers(0, 4, (3, len(data))).astype(float)
    found = get_metric(metric_id).per_class(data, weights)
    for row, w in zip(found, weights, strict=True):
        expected = [ORACLES[metric_id](y, s, w[rows]) for s, y, rows in known(data)]
        assert row == pytest.approx(expected)


def test_calibration_equals_torchmetrics():
    data = make(seed=5)
    for value, (s, y, _) in zip(get_metric("ece-15").per_class(data)[0], known(data), strict=True):
        theirs = BinaryCalibrationError(n_bins=15, norm="l1")
        expected = theirs(torch.tensor(s), torch.tensor(y).long())
        assert value == pytest.approx(float(expected), abs=1e-6)


def test_calibration_by_hand():
    """Two bins are filled: (0.10, 0.12) with one positive, (1.0, 0.95) with none."""
    scores = np.array([[0.10], [0.12], [1.0], [0.95]])
    data = ClassificationInput(scores, np.array([[1.0], [0], [0], [0]]), ["x"])
    expected = 0.5 * abs(0.5 - 0.11) + 0.5 * abs(0 - 0.975)
    assert evaluate(get_metric("ece-15"), data).value == pytest.approx(expected)
    perfect = ClassificationInput(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]), ["x"])
    assert evaluate(get_metric("ece-15"), perfect).value == 0


def test_pooled_average_precision_equals_scikit_learn_with_and_without_weights():
    data = make(seed=7, ties=True)
    flat = ~np.isnan(data.labels)
    metric = get_metric("auprc-micro")
    expected = average_precision_score(data.labels[flat], data.scores[flat])
    assert evaluate(metric, data).value == pytest.approx(expected)
    weights = np.random.default_rng(2).integers(0, 3, (2, len(data))).astype(float)
    for row, w in zip(metric.per_class(data, weights), weights, strict=True):
        each = np.broadcast_to(w[:, None], data.labels.shape)[flat]
        assert row[0] == pytest.approx(
            average_precision_score(data.labels[flat], data.scores[flat], sample_weight=each)
        )


def test_the_global_threshold_is_one_for_all_labels_and_best_of_all():
    """Every threshold of all scores, tried one after the other."""
    data = make(seed=9, gaps=0.1)
    flat = ~np.isnan(data.labels)
    y, s = data.labels[flat], data.scores[flat]
    tried = []
    for t in np.unique(s):
        called = s >= t
        tried.append(2 * (called & (y == 1)).sum() / (called.sum() + (y == 1).sum()))
    found = evaluate(get_metric("f1-micro@best-global-on-test"), data)
    assert found.value == pytest.approx(max(tried))
    assert found.value > evaluate(get_metric("f1-micro@0.5"), data).value


def test_a_threshold_of_the_test_split_flatters_random_scores():
    rng = np.random.default_rng(0)
    y = (rng.random((400, 1)) < 0.2).astype(float)
    data = ClassificationInput(rng.random((400, 1)), y, ["x"], np.array([0.5]))
    scored = score(data, ["f1-binary@best-on-test", "f1-binary@val-threshold"], replicates=0)
    best, chosen = (one.value for one in scored.values())
    assert best > chosen
    assert best >= scored["f1-binary@best-on-test"].floor, "all present is one of the cuts"


def test_what_looks_at_the_test_labels_says_so():
    for name in metric_ids():
        looks = "on-test" in name
        assert get_metric(name).summary.startswith("LOOKS AT THE TEST LABELS") == looks


def test_the_roc_point_is_no_better_for_a_model_that_calls_everything_present():
    y = np.r_[np.ones(20), np.zeros(80)][:, None]
    calls = ClassificationInput(np.full((100, 1), 0.9), y, ["x"])
    assert evaluate(get_metric("sensitivity@0.5"), calls).value == 1
    assert evaluate(get_metric("roc-sensitivity@specificity-0.90"), calls).value == 0
    # Exactly one in ten negatives above every positive is still specific enough; two are not.
    for above, expected in ((8, 1.0), (9, 0.0)):
        s = np.r_[np.full(20, 0.5), np.linspace(0.1, 0.4, 80)][:, None].copy()
        s[20 : 20 + above] = 0.9
        data = ClassificationInput(s, y, ["x"])
        found = evaluate(get_metric("roc-sensitivity@specificity-0.90"), data).value
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_rates_of_a_class_that_is_not_there_are_undefined(only):
    data = ClassificationInput(np.array([[0.2], [0.7]]), np.full((2, 1), only), ["x"])
    for name, needs in {
        "sensitivity@0.5": {1.0}, "specificity@0.5": {0.0}, "balanced-accuracy@0.5": {0.0, 1.0},
        "roc-sensitivity@specificity-0.90": {0.0, 1.0}, "f1-binary@best-on-test": {1.0},
        "auprc-micro": {0.0, 1.0}, "ece-15": set(),
    }.items():  # fmt: skip
        assert np.isnan(evaluate(get_metric(name), data).value) == bool(needs - {only}), name


@pytest.mark.parametrize("labels", [0.0, 1.0, np.nan])
def test_an_undefined_metric_has_no_floor(labels):
    data = ClassificationInput(np.array([[0.2], [0.7]]), np.full((2, 1), labels), ["x"])
    names = [
        "sensitivity@0.5", "specificity@0.5", "balanced-accuracy@0.5",
        "roc-sensitivity@specificity-0.90", "ece-15", "auroc-macro", "brier-macro",
    ]  # fmt: skip
    for name in names:
        undefined = np.isnan(evaluate(get_metric(name), data).value)
        assert np.isnan(get_metric(name).floor(data)) == undefined, name


def test_rates_count_the_images_of_their_class():
    labels = np.array([[1, 0], [0, np.nan], [0, 0], [np.nan, 1], [np.nan, np.nan], [1, 1]])
    data = ClassificationInput(np.full(labels.shape, 0.3), labels, ["a", "b"])
    counts = {
        "sensitivity@0.5": (3, {"a": 2, "b": 2}),
        "specificity@0.5": (3, {"a": 2, "b": 2}),
        "balanced-accuracy@0.5": (5, {"a": 4, "b": 4}),
        "brier-macro": (5, {"a": 4, "b": 4}),
        "auroc-macro": (5, {"a": 4, "b": 4}),
    }
    labels[2, 1] = 1
    data = ClassificationInput(data.scores, labels, data.names)
    counts["sensitivity@0.5"] = (4, {"a": 2, "b": 3})
    counts["specificity@0.5"] = (3, {"a": 2, "b": 1})
    for name, (n, by_name) in counts.items():
        found = score(data, [name], replicates=0)[name]
        assert (found.n, found.n_per_class) == (n, by_name), name
        assert evaluate(get_metric(name), data).n == n


@pytest.mark.parametrize("metric_id", ["f1-binary@val-threshold", "f1-binary@best-on-test"])
def test_metrics_of_one_label_refuse_several(metric_id):
    with pytest.raises(BadRequest, match="not defined here"):
        evaluate(get_metric(metric_id), make())


@pytest.mark.parametrize("metric_id", ["accuracy-top1", "accuracy-elementwise@0.5", "brier-macro"])
def test_the_mean_over_samples_is_the_value_where_all_labels_are_known(metric_id):
    data = make(c=1 if metric_id == "accuracy-top1" else 3, gaps=0.0)
    metric = get_metric(metric_id)
    each = metric.per_sample(data)
    assert each.shape == (len(data),)
    assert each.mean() == pytest.approx(evaluate(metric, data).value)
    unknown = ClassificationInput(data.scores, np.full_like(data.labels, np.nan), data.names)
    assert np.isnan(metric.per_sample(unknown)).all()
