"""F1 of CheXbert against scikit-learn's report, with labels made up for texts."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, classification_report

from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.paired import compare
from cxrbench.metrics.text.clinical import chexbert
from cxrbench.metrics.text.groups import expand
from cxrbench.metrics.text.ids import CHEXBERT_IDS, F1CHEXBERT
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.readers.chexbert import CheXbert
from cxrbench.readers.observations import OBSERVATIONS

FIVE = [
    OBSERVATIONS.index(name)
    for name in ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
]
POLICIES = {"": (1, 3), "-uncertain-absent": (1,)}


class Spelled:
    """Reads labels that are written out in the text, a digit each."""

    def label(self, texts):
        return np.array([[int(digit) for digit in text] for text in texts], np.uint8)


@pytest.fixture(autouse=True)
def spelled(monkeypatch):
    monkeypatch.setattr(chexbert, "find_reader", lambda name: None)
    monkeypatch.setattr(CheXbert, "load", lambda found: Spelled())
    monkeypatch.setattr(sys.modules[score.__module__], "_reader_files", lambda metric: None)


def pairs(classes):
    """(N, 2, 14) classes as references and generated texts."""
    texts = [["".join(map(str, side)) for side in pair] for pair in np.asarray(classes).tolist()]
    return TextInput.of([pair[0] for pair in texts], [pair[1] for pair in texts])


@pytest.fixture
def classes():
    rng = np.random.default_rng(3)
    found = rng.choice(4, (40, 2, 14), p=[0.6, 0.2, 0.1, 0.1])
    found[:, 1] = np.where(rng.random((40, 14)) < 0.6, found[:, 0], found[:, 1])
    found[:, :, 13] %= 2
    found[:, :, 10] = 0  # an observation that nobody has
    found[:, 0, 4] = 2  # one that is only made up
    found[0, :, :] = 0  # a pair without observations
    return found


def oracle(classes, policy, columns):
    there = np.isin(np.asarray(classes)[:, :, columns], POLICIES[policy]).astype(int)
    report = classification_report(there[:, 0], there[:, 1], output_dict=True, zero_division=0)
    return report, accuracy_score(there[:, 0], there[:, 1])


def checked(classes, data):
    for policy in POLICIES:
        for columns in (list(range(14)), FIVE):
            report, accuracy = oracle(classes, policy, columns)
            n = len(columns)
            for name, key in (("f1", "f1-score"), ("precision", "precision"), ("recall", "recall")):
                for mean in ("micro", "macro", "samples"):
                    found = evaluate(get_metric(f"chexbert-{name}-{n}-{mean}{policy}"), data)
                    assert found.value == pytest.approx(report[f"{mean} avg"][key], abs=1e-12)
                    if mean == "macro":
                        each = [report[str(i)][key] for i in range(n)]
                        assert list(found.per_class.values()) == pytest.approx(each, abs=1e-12)
                        assert list(found.per_class) == [OBSERVATIONS[i] for i in columns]
            exact = evaluate(get_metric(f"chexbert-accuracy-{n}-exact{policy}"), data)
            assert exact.value == pytest.approx(accuracy)


def test_values_are_those_of_the_classification_report(classes):
    checked(classes, pairs(classes))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=28, max_size=28), min_size=2, max_size=6))
def test_values_are_those_of_the_report_for_any_labels(drawn):
    classes = np.array(drawn).reshape(-1, 2, 14)
    checked(classes, pairs(classes))


def test_the_policies_differ_where_something_is_uncertain():
    classes = np.zeros((2, 2, 14), int)
    classes[0, 0, 1], classes[0, 1, 1] = 1, 3
    classes[1, :, 4] = 1
    data = pairs(classes)
    assert evaluate(get_metric("chexbert-f1-14-micro"), data).value == 1
    absent = evaluate(get_metric("chexbert-f1-14-micro-uncertain-absent"), data)
    assert absent.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric_id", CHEXBERT_IDS)
def test_weights_are_repetitions_and_rows_are_taken(classes, metric_id):
    metric, data = get_metric(metric_id), pairs(classes)
    drawn = np.random.default_rng(0).integers(0, 3, (5, len(classes))).astype(float)
    found = metric.aggregate(metric.per_class(data, drawn))
    for row, weights in zip(found, drawn, strict=True):
        repeated = np.repeat(np.arange(len(classes)), weights.astype(int))
        assert row == pytest.approx(evaluate(metric, pairs(classes[repeated])).value, abs=1e-12)
        assert row == pytest.approx(evaluate(metric, data.take(repeated)).value, abs=1e-12)


def test_values_of_reports(classes):
    data = pairs(classes)
    assert get_metric("chexbert-f1-14-macro").per_sample(data) is None
    exact = get_metric("chexbert-accuracy-14-exact").per_sample(data)
    assert exact.mean() == evaluate(get_metric("chexbert-accuracy-14-exact"), data).value
    samples = get_metric("chexbert-f1-14-samples").per_sample(data)
    assert samples.mean() == pytest.approx(
        evaluate(get_metric("chexbert-f1-14-samples"), data).value
    )
    micro = get_metric("chexbert-f1-14-micro").per_sample(data)
    assert (samples[0], micro[0]) == (0, 1)  # nothing to find, and nothing was found
    np.testing.assert_array_equal(samples[1:], micro[1:])


def test_scores_have_intervals_of_each_observation_and_a_floor(classes):
    data = pairs(classes)
    found = score(data, ["chexbert-f1-14-macro", "chexbert-f1-5-micro"], replicates=100)
    macro = found["chexbert-f1-14-macro"]
    assert macro.n == 40
    assert macro.n_per_class == dict.fromkeys(OBSERVATIONS, 40)
    assert macro.ci95[0] < macro.value < macro.ci95[1]
    assert macro.per_class["Pleural Other"] == 0
    assert macro.ci95_per_class["Cardiomegaly"][0] < macro.per_class["Cardiomegaly"]
    assert macro.undefined_replicates == 0
    # All references differ, so that the first in alphabetical order is the constant one.
    lowest = min("".join(map(str, row)) for row in classes[:, 0].tolist())
    constant = np.repeat(np.array([[list(map(int, lowest))]]), 40, axis=0)
    expected = pairs(np.concatenate([classes[:, :1], constant], axis=1))
    metric = get_metric("chexbert-f1-5-micro")
    assert found[metric.id].floor == pytest.approx(evaluate(metric, expected).value)


def test_each_text_list_is_labelled_once(classes, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Spelled,
        "label",
        lambda self, texts, real=Spelled.label: asked.append(1) or real(self, texts),
    )
    score(pairs(classes), F1CHEXBERT, replicates=50)
    assert len(asked) == 4  # both sides, and both sides of the floor


def test_files_are_compared(classes):
    better = classes.copy()
    better[:, 1] = better[:, 0]
    found = compare(
        pairs(better), pairs(classes), ["chexbert-f1-14-micro"], None, replicates=50, seed=0
    )["chexbert-f1-14-micro"]
    assert found.difference > 0
    assert found.p < 0.05


def test_f1chexbert_is_the_name_of_what_that_package_computes():
    asked = expand(["f1chexbert"], "raw", cut=None, unique=False)
    assert asked == list(F1CHEXBERT)
    assert len(asked) == 20
    assert not any("absent" in name for name in asked)
