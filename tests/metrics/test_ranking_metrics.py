"""AUROC and average precision against scikit-learn and hand-computed cases."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cxrbench.metrics import ClassificationInput, evaluate, get_metric

ORACLES = {"auroc-macro": roc_auc_score, "auprc-macro": average_precision_score}


def make(seed=0, n=400, c=5, decimals=None, unknown=0.0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, c)) < rng.uniform(0.05, 0.6, c)).astype(float)
    scores = 1 / (1 + np.exp(-(rng.normal(size=(n, c)) + labels)))
    if decimals is not None:
        scores = scores.round(decimals)
    labels[rng.random((n, c)) < unknown] = np.nan
    return ClassificationInput(scores, labels, [f"l{i}" for i in range(c)])


def one(scores, labels):
    return ClassificationInput(np.array(scores)[:, None], np.array(labels)[:, None], ["x"])


@pytest.mark.parametrize("metric_id", ORACLES)
@pytest.mark.parametrize("decimals", [None, 2, 1, 0])
@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_each_label_equals_scikit_learn(metric_id, decimals, unknown):
    data = make(decimals=decimals, unknown=unknown)
    expected = []
    for s, y in zip(data.scores.T, data.labels.T, strict=True):
        known = ~np.isnan(y)
        expected.append(ORACLES[metric_id](y[known], s[known]))
    result = evaluate(get_metric(metric_id), data)
    assert list(result.per_class.values()) == pytest.approx(expected, abs=1e-12)
    assert result.value == pytest.approx(np.mean(expected), abs=1e-12)


@pytest.mark.parametrize("metric_id", ORACLES)
@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("whole", [True, False])
def test_weights_equal_scikit_learn_sample_weight(metric_id, decimals, whole):
    data = make(seed=1, decimals=decimals)
    rng = np.random.default_rng(2)
    shape = (7, len(data.scores))
    weights = rng.integers(0, 4, shape).astype(float) if whole else rng.random(shape)
    values = get_metric(metric_id).per_class(data, weights)
    for r, w in enumerate(weights):
        for c in range(len(data.names)):
            expected = ORACLES[metric_id](data.labels[:, c], data.scores[:, c], sample_weight=w)
            assert values[r, c] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_micro_auroc_equals_scikit_learn_on_the_flat_matrix(unknown):
    data = make(seed=3, decimals=1, unknown=unknown)
    weights = np.random.default_rng(4).integers(0, 3, (3, len(data.scores))).astype(float)
    values = get_metric("auroc-micro").per_class(data, weights)
    assert values.shape == (3, 1)
    for r, w in enumerate(weights):
        spread = np.repeat(w[:, None], len(data.names), axis=1)
        expected = roc_auc_score(
            data.labels[data.known], data.scores[data.known], sample_weight=spread[data.known]
        )
        assert values[r, 0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("scores", "labels", "auroc", "auprc"),
    [
        # Ranked 1 0 1 0: three of four pairs right; precision 1 and 2/3 at recall 1/2 and 1.
        ([0.9, 0.8, 0.4, 0.1], [1, 0, 1, 0], 3 / 4, (1 + 2 / 3) / 2),
        # One positive ties a negative: half a pair; the tied step has precision 2/3.
        ([0.9, 0.4, 0.4, 0.1], [1, 0, 1, 0], 3.5 / 4, (1 + 2 / 3) / 2),
        # Everything ties.
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0], 0.5, 0.5),
        # Perfectly wrong: precision 1/3 and 2/4.
        ([0.1, 0.9, 0.2, 0.8], [1, 0, 1, 0], 0.0, (1 / 3 + 1 / 2) / 2),
    ],
)
def test_four_samples_by_hand(scores, labels, auroc, auprc):
    data = one(scores, labels)
    assert evaluate(get_metric("auroc-macro"), data).value == pytest.approx(auroc)
    assert evaluate(get_metric("auprc-macro"), data).value == pytest.approx(auprc)


def test_the_block_size_does_not_change_the_values(monkeypatch):
    data = make(seed=5, decimals=1)
    weights = np.random.default_rng(6).integers(0, 3, (11, len(data.scores))).astype(float)
    whole = get_metric("auroc-macro").per_class(data, weights)
    monkeypatch.setattr("cxrbench.metrics.ranking._BLOCK_ELEMENTS", 900)
    assert np.array_equal(get_metric("auroc-macro").per_class(data, weights), whole)


@pytest.mark.parametrize("metric_id", ORACLES)
@pytest.mark.parametrize("only", [0.0, 1.0, np.nan])
def test_one_class_alone_is_undefined_and_left_out_of_the_mean(metric_id, only):
    data = make(seed=7, c=3)
    labels = data.labels.copy()
    labels[:, 1] = only
    changed = ClassificationInput(data.scores, labels, data.names)
    result = evaluate(get_metric(metric_id), changed)
    assert np.isnan(result.per_class["l1"])
    others = evaluate(get_metric(metric_id), data).per_class
    assert result.value == pytest.approx((others["l0"] + others["l2"]) / 2)


def test_nothing_known_is_undefined_as_a_whole():
    data = one([0.1, 0.7], [np.nan, np.nan])
    assert data.n == 0
    for metric_id in ("auroc-macro", "auroc-micro", "auprc-macro", "brier-macro", "f1-macro@0.5"):
        assert np.isnan(evaluate(get_metric(metric_id), data).value)
