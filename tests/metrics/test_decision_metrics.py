"""F1, accuracy and Brier score against scikit-learn and hand-computed cases."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, hamming_loss

from cxrbench.errors import BadRequest, DataError, RunError
from cxrbench.metrics import ClassificationInput, choose_thresholds, evaluate, get_metric


def make(seed=0, n=300, c=4, thresholds=None):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, c)) < 0.3).astype(float)
    scores = np.clip(0.35 + 0.2 * rng.normal(size=(n, c)) + 0.2 * labels, 0, 1)
    return ClassificationInput(scores, labels, [f"l{i}" for i in range(c)], thresholds)


def value(metric_id, data, weights=None):
    metric = get_metric(metric_id)
    return metric.aggregate(metric.per_class(data, weights))


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_f1_equals_scikit_learn_with_and_without_weights(average):
    data = make()
    weights = np.random.default_rng(1).integers(0, 4, (3, len(data.scores))).astype(float)
    called = data.scores > 0.5
    assert value(f"f1-{average}@0.5", data)[0] == pytest.approx(
        f1_score(data.labels, called, average=average)
    )
    expected = [f1_score(data.labels, called, average=average, sample_weight=w) for w in weights]
    assert value(f"f1-{average}@0.5", data, weights) == pytest.approx(expected)


def test_f1_at_validation_thresholds_equals_scikit_learn():
    limits = np.array([0.2, 0.4, 0.5, 0.6])
    data = make(thresholds=limits)
    expected = f1_score(data.labels, data.scores > limits, average="macro")
    assert value("f1-macro@val-threshold", data)[0] == pytest.approx(expected)
    assert expected != pytest.approx(value("f1-macro@0.5", data)[0])


def test_unknown_labels_are_skipped():
    data = make(seed=2)
    labels = data.labels.copy()
    labels[np.random.default_rng(3).random(labels.shape) < 0.3] = np.nan
    data = ClassificationInput(data.scores, labels, data.names)
    f1, brier = [], []
    for s, y, known in zip(data.scores.T, labels.T, data.known.T, strict=True):
        f1.append(f1_score(y[known], s[known] > 0.5))
        brier.append(brier_score_loss(y[known], s[known]))
    assert list(evaluate(get_metric("f1-macro@0.5"), data).per_class.values()) == pytest.approx(f1)
    assert value("brier-macro", data)[0] == pytest.approx(np.mean(brier))
    right = accuracy_score(labels[data.known], data.scores[data.known] > 0.5)
    assert value("accuracy-elementwise@0.5", data)[0] == pytest.approx(right)
    pooled = f1_score(labels[data.known], data.scores[data.known] > 0.5)
    assert value("f1-micro@0.5", data)[0] == pytest.approx(pooled)


def test_brier_and_accuracies_equal_scikit_learn_with_weights():
    data, binary = make(seed=4), make(seed=5, c=1)
    weights = np.random.default_rng(6).random((2, len(data.scores)))
    for r, w in enumerate(weights):
        brier = [
            brier_score_loss(y, s, sample_weight=w)
            for s, y in zip(data.scores.T, data.labels.T, strict=True)
        ]
        assert value("brier-macro", data, weights)[r] == pytest.approx(np.mean(brier))
        hamming = hamming_loss(data.labels, data.scores > 0.5, sample_weight=w)
        elementwise = value("accuracy-elementwise@0.5", data, weights)[r]
        assert elementwise == pytest.approx(1 - hamming)
        top1 = accuracy_score(binary.labels, binary.scores > 0.5, sample_weight=w)
        assert value("accuracy-top1", binary, weights)[r] == pytest.approx(top1)


def test_four_samples_by_hand():
    # Called: yes yes no no; true: yes no yes no. TP = FP = FN = TN = 1.
    data = ClassificationInput([[0.9], [0.8], [0.4], [0.1]], [[1], [0], [1], [0]], ["x"])
    assert value("f1-binary@0.5", data)[0] == pytest.approx(0.5)
    assert value("accuracy-top1", data)[0] == pytest.approx(0.5)
    brier = (0.1**2 + 0.8**2 + 0.6**2 + 0.1**2) / 4
    assert value("brier-macro", data)[0] == pytest.approx(brier)
    # The third sample twice, the second never: TP 1, FN 2, TN 1.
    weights = [[1, 0, 2, 1]]
    assert value("f1-binary@0.5", data, weights)[0] == pytest.approx(2 / 4)
    assert value("accuracy-top1", data, weights)[0] == pytest.approx(2 / 4)


def test_binary_f1_is_not_the_accuracy_some_papers_print_as_f1():
    # 10 % positive, all called absent: accuracy 0.9, F1 of the positive class 0.
    labels = np.zeros((100, 1))
    labels[:10] = 1
    data = ClassificationInput(np.full((100, 1), 0.2), labels, ["x"])
    called = data.scores[:, 0] > 0.5
    assert value("accuracy-top1", data)[0] == pytest.approx(0.9)
    assert value("accuracy-top1", data)[0] == pytest.approx(
        f1_score(labels[:, 0], called, average="micro")
    )
    assert value("f1-binary@0.5", data)[0] == 0.0


def test_a_tie_at_the_threshold_is_absent_as_argmax_decides():
    data = ClassificationInput([[0.5], [0.5]], [[1], [0]], ["x"])
    assert np.argmax([1 - 0.5, 0.5]) == 0
    assert value("accuracy-top1", data)[0] == pytest.approx(0.5)
    assert value("f1-binary@0.5", data)[0] == 0.0
    right = ClassificationInput([[0.5], [0.5]], [[0], [0]], ["x"])
    assert value("accuracy-top1", right)[0] == 1.0


@pytest.mark.parametrize("score", [0.1, 0.9])
def test_f1_without_positives_is_undefined_whatever_the_model_says(score):
    data = ClassificationInput([[score, 0.9], [0.1, 0.1]], [[0, 1], [0, 0]], ["none", "some"])
    result = evaluate(get_metric("f1-macro@0.5"), data)
    assert np.isnan(result.per_class["none"])
    assert result.value == 1.0


@pytest.mark.parametrize("metric_id", ["f1-binary@0.5", "accuracy-top1"])
def test_one_label_metrics_refuse_multi_label_tasks(metric_id):
    with pytest.raises(BadRequest, match="not defined here"):
        evaluate(get_metric(metric_id), make())


def test_missing_thresholds_are_refused():
    with pytest.raises(BadRequest, match="no thresholds"):
        evaluate(get_metric("f1-macro@val-threshold"), make())


def test_only_macro_metrics_have_values_per_label():
    data = make()
    assert evaluate(get_metric("f1-macro@0.5"), data).per_class.keys() == set(data.names)
    assert evaluate(get_metric("f1-micro@0.5"), data).per_class is None
    assert evaluate(get_metric("accuracy-elementwise@0.5"), data).per_class is None


class TestChooseThresholds:
    def test_by_hand(self):
        # Above 0.3: TP 2, FP 1 -> 0.8; above 0.6: TP 1 -> 2/3; above 0: TP 2, FP 2 -> 2/3.
        scores = np.array([[0.9], [0.6], [0.5], [0.3]])
        assert choose_thresholds(scores, [[1], [0], [1], [0]]).tolist() == [0.3]

    def test_equal_candidates_take_the_lowest(self):
        # Above 0.5: TP 1 of 2 -> 2/3; above 0: TP 2, FP 2 -> 2/3.
        scores = np.array([[0.9], [0.5], [0.5], [0.2]])
        assert choose_thresholds(scores, [[1], [0], [0], [1]]).tolist() == [0.0]

    def test_unknown_labels_are_skipped_and_no_positives_give_one_half(self):
        scores = np.array([[0.9, 0.9], [0.8, 0.8], [0.1, 0.2]])
        labels = np.array([[1, 0], [np.nan, np.nan], [0, 0]])
        assert choose_thresholds(scores, labels).tolist() == [0.1, 0.5]

    @pytest.mark.parametrize("seed", range(2))
    def test_no_threshold_on_a_fine_grid_is_better(self, seed):
        rng = np.random.default_rng(seed)
        labels = (rng.random((80, 3)) < 0.3).astype(float)
        scores = np.clip(rng.random((80, 3)) * 0.8 + 0.2 * labels, 0, 1).round(2)
        chosen = choose_thresholds(scores, labels)
        for c in range(3):
            best = max(f1_score(labels[:, c], scores[:, c] > t) for t in np.linspace(0, 1, 401))
            reached = f1_score(labels[:, c], scores[:, c] > chosen[c])
            assert reached == pytest.approx(best)

    def test_bad_input_is_refused(self):
        with pytest.raises(RunError):
            choose_thresholds(np.array([0.1, 0.2]), np.array([0, 1]))
        with pytest.raises(DataError):
            choose_thresholds(np.array([[0.1], [0.2]]), np.array([[0], [2]]))
