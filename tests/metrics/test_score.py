"""Scoring a split: values, floors and intervals, ready for JSON."""

import json

import numpy as np
import pytest

from cxrbench.errors import BadRequest, DataError, UnknownNameError
from cxrbench.metrics import ClassificationInput, ScoredMetric, evaluate, get_metric, score


def make(n=120, c=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, c)) < 0.4).astype(float)
    scores = 1 / (1 + np.exp(-(rng.normal(size=(n, c)) + labels)))
    return ClassificationInput(scores, labels, list("abcdef"[:c]))


def width(result):
    return result.ci95[1] - result.ci95[0]


def test_results_carry_value_floor_interval_and_counts():
    data = make()
    labels = data.labels.copy()
    labels[:20, 0] = np.nan
    data = ClassificationInput(data.scores, labels, data.names)
    groups = [f"p{i // 2}" for i in range(120)]
    scored = score(data, ["brier-macro", "auroc-macro", "auroc-micro"], groups, replicates=100)
    assert list(scored) == ["brier-macro", "auroc-macro", "auroc-micro"]
    result = scored["auroc-macro"]
    assert result.value == evaluate(get_metric("auroc-macro"), data).value
    assert result.ci95[0] < result.value < result.ci95[1]
    assert result.ci_method == "bootstrap-patient-percentile-100"
    assert result.n == 120
    assert result.n_per_class == {"a": 100, "b": 120, "c": 120}
    assert set(result.per_class) == {"a", "b", "c"}
    assert (result.floor, result.higher_is_better) == (0.5, True)
    assert result.impl == "cxrbench.metrics.auroc"
    assert scored["auroc-micro"].per_class is None
    assert not scored["brier-macro"].higher_is_better


def test_the_interval_is_that_of_rows_really_repeated():
    """An oracle without weights: copy the rows of each drawn patient and score them."""
    data = make(n=40)
    groups = np.array([f"p{i // 3:02d}" for i in range(40)])
    names = np.unique(groups)
    rng = np.random.default_rng(5)
    metric, values = get_metric("auprc-macro"), []
    for _ in range(60):
        drawn = names[rng.integers(len(names), size=len(names))]
        index = np.concatenate([np.flatnonzero(groups == name) for name in drawn])
        copy = ClassificationInput(data.scores[index], data.labels[index], data.names)
        values.append(evaluate(metric, copy).value)
    scored = score(data, ["auprc-macro"], list(groups), replicates=60, seed=5)["auprc-macro"]
    assert scored.undefined_replicates == 0
    assert scored.ci95 == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_duplicated_images_do_not_narrow_a_patient_interval():
    single = make(n=60)
    four = ClassificationInput(
        np.repeat(single.scores, 4, axis=0), np.repeat(single.labels, 4, axis=0), single.names
    )
    patients = [f"p{i:03d}" for i in range(60)]
    one = score(single, ["auroc-macro"], patients)["auroc-macro"]
    clustered = score(four, ["auroc-macro"], np.repeat(patients, 4))["auroc-macro"]
    naive = score(four, ["auroc-macro"])["auroc-macro"]
    assert clustered.ci95 == pytest.approx(one.ci95)
    assert width(naive) < 0.65 * width(clustered)
    assert naive.ci_method == "bootstrap-sample-percentile-1000"


def test_the_same_seed_gives_the_same_interval_whatever_else_is_scored():
    data = make()
    alone = score(data, ["auroc-macro"], replicates=50, seed=1)["auroc-macro"]
    among = score(data, ["brier-macro", "auroc-macro"], replicates=50, seed=1)["auroc-macro"]
    other = score(data, ["auroc-macro"], replicates=50, seed=2)["auroc-macro"]
    assert alone == among
    assert alone.ci95 != other.ci95


def test_a_replicate_that_loses_a_class_is_left_out_and_counted():
    labels = np.zeros((30, 2))
    labels[:15, 0] = 1
    labels[:2, 1] = 1  # two positives: about 1 replicate in 8 has none
    data = ClassificationInput(np.random.default_rng(0).random((30, 2)), labels, ["a", "rare"])
    result = score(data, ["auroc-macro"], replicates=400)["auroc-macro"]
    assert 20 < result.undefined_replicates < 90
    assert result.ci95 is not None
    assert result.ci_method == "bootstrap-sample-percentile-400"


def test_a_label_without_positives_does_not_spoil_the_replicates():
    data = make()
    labels = data.labels.copy()
    labels[:, 1] = 0
    data = ClassificationInput(data.scores, labels, data.names)
    result = score(data, ["auroc-macro"], replicates=50)["auroc-macro"]
    assert result.per_class["b"] is None
    assert result.undefined_replicates == 0
    assert result.ci95[0] < result.value < result.ci95[1]


def test_undefined_is_none_and_survives_json():
    data = ClassificationInput([[0.2], [0.4]], [[0], [0]], ["x"])
    result = score(data, ["auroc-macro", "f1-binary@0.5"], replicates=20)
    for scored in result.values():
        assert (scored.value, scored.ci95, scored.ci_method) == (None, None, None)
        text = scored.model_dump_json()
        assert "NaN" not in text
        assert ScoredMetric.model_validate(json.loads(text)) == scored


def test_no_interval_without_replicates_or_with_one_patient():
    data = make()
    for result in (
        score(data, ["auroc-macro"], replicates=0),
        score(data, ["auroc-macro"], ["p"] * 120, replicates=20),
    ):
        assert result["auroc-macro"].value is not None
        assert result["auroc-macro"].ci95 is None
        assert result["auroc-macro"].ci_method is None


def test_bad_requests_are_refused():
    data = make()
    with pytest.raises(DataError, match="patients do not fit"):
        score(data, ["auroc-macro"], ["p"])
    with pytest.raises(UnknownNameError):
        score(data, ["auroc"])
    with pytest.raises(BadRequest):
        score(data, ["accuracy-top1"])
    assert score(data, []) == {}
