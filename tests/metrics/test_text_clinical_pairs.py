"""BERTScore, SemScore, RadCliQ and RaTEScore of reports, through procedural readers."""

import math

import numpy as np
import pytest
import reader_files
from radgraph_files import write_radgraph
from token_reader_files import write_distilbert, write_distilroberta, write_ratescore

from cxrbench.metrics import get_metric, score
from cxrbench.metrics.text.clinical.radcliq import composite
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.readers import bert, files, ratescore, resident
from cxrbench.readers.bert_score import BertScore
from cxrbench.readers.chexbert import CheXbert

REFERENCES = ("No acute pleural effusion.", "Heart  size is normal.", "lungs are clear", "No")
GENERATED = ("No effusion, small.", "Heart  size is normal.", "left effusion", "")
IDS = (
    "radgraph-f1-complete", "radgraph-xl-f1-simple", "bertscore-f1-distilbert-l5-rescaled",
    "semscore", "radcliq-v1", "radcliq-v1-inverse", "ratescore",
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "_failed", {})
    monkeypatch.setattr(resident, "_last", {})
    monkeypatch.setattr(bert, "_resident", {})
    reader_files.use_small_cards(monkeypatch, tmp_path / "readers")


@pytest.fixture
def data():
    return TextInput.of(REFERENCES, GENERATED)


def test_bertscore_is_the_mean_over_reports(data, tmp_path):
    write_distilbert(tmp_path / "readers")
    expected = BertScore.load("bertscore-distilbert").compare(REFERENCES, GENERATED)
    for column, name in enumerate(("precision", "recall", "f1")):
        metric = get_metric(f"bertscore-{name}-distilbert-l5-rescaled")
        np.testing.assert_allclose(metric.per_sample(data), expected[:, column])
        assert metric.per_class(data)[0, 0] == pytest.approx(expected[:, column].mean())
    assert expected[3, 2] == pytest.approx(-2, abs=0.005)  # the empty report


def test_semscore_is_the_cosine_of_the_embeddings(data, tmp_path):
    reader_files.write_chexbert(tmp_path / "readers/chexbert", *reader_files.chexbert_parts())
    values = get_metric("semscore").per_sample(data)
    for left, right, value in zip(REFERENCES, GENERATED, values, strict=True):
        a, b = CheXbert.load().embed([left, right]).astype(float)
        assert value == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))
    assert values[1] == pytest.approx(1)


def test_radcliq_of_a_published_pair():
    """RadEval's issue 5: equal reports without a relation, 1 / RadCliQ-v1 = -1.2223714910823704."""
    value = composite(np.array([[0.5, 1.0, 1.0]]))[0]
    assert 1 / value == pytest.approx(-1.2223714910823704, rel=1e-6)


def test_radcliq_falls_as_the_scores_rise():
    worst, best = composite(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    assert best == pytest.approx(-1.4407, abs=1e-4)
    assert worst == pytest.approx(2.4501, abs=1e-4)
    middle = composite(np.full((4, 3), 0.5) + 0.1 * np.eye(4, 3))
    assert (middle[:3] < middle[3]).all()


def test_radcliq_is_made_of_its_parts(data, tmp_path):
    folder = tmp_path / "readers"
    write_radgraph(folder)
    write_distilroberta(folder)
    reader_files.write_chexbert(folder / "chexbert", *reader_files.chexbert_parts())
    squeezed = [[text.replace("  ", " ") for text in side] for side in (REFERENCES, GENERATED)]
    parts = [
        get_metric("radgraph-f1-combined").per_sample(data),
        BertScore.load("bertscore-distilroberta").compare(*squeezed)[:, 2],
        get_metric("semscore").per_sample(data),
    ]
    expected = composite(np.stack(parts, axis=1))
    found = score(data, ["radcliq-v1", "radcliq-v1-inverse"], replicates=20)
    np.testing.assert_allclose(get_metric("radcliq-v1").per_sample(data), expected)
    assert found["radcliq-v1"].value == pytest.approx(expected.mean())
    assert not found["radcliq-v1"].higher_is_better
    assert found["radcliq-v1-inverse"].value == pytest.approx(1 / expected.mean())
    assert found["radcliq-v1-inverse"].higher_is_better
    assert found["radcliq-v1"].ci95 is not None
    assert {"chexbert", "radgraph", "bertscore-distilroberta"} <= set(found["radcliq-v1"].readers)


def test_an_inverse_of_nothing_above_0_is_undefined(data, tmp_path, monkeypatch):
    metric = get_metric("radcliq-v1-inverse")
    values = np.array([[-2.0], [1.0], [1.0], [2.0]])
    object.__setattr__(data.corpus, "_known", {metric.values: values})
    weights = [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(
        metric.per_class(data, weights)[:, 0], [2.0, math.nan, math.nan, 0.5, math.nan]
    )
    assert metric.per_sample(data) is None


def test_ratescore(data, tmp_path, monkeypatch):
    write_ratescore(tmp_path / "readers")
    monkeypatch.setattr(
        ratescore, "split_sentences", lambda texts: [[t] if t else [] for t in texts]
    )
    (found,) = score(data, ["ratescore"], replicates=20).values()
    values = get_metric("ratescore").per_sample(data)
    assert found.value == pytest.approx(values.mean())
    assert values[3] == 0.5
    assert 0 < found.floor <= 1


@pytest.mark.parametrize("metric_id", IDS)
def test_absent_readers_leave_no_value_and_a_reason(metric_id, data):
    (found,) = score(data, [metric_id]).values()
    assert (found.value, found.floor, found.ci95) == (None, None, None)
    assert "not on this machine" in found.reason
    assert "\n" not in found.reason


def test_an_absent_medspacy_is_told_as_well(data, tmp_path, monkeypatch):
    write_ratescore(tmp_path / "readers")
    monkeypatch.setenv("CXRBENCH_MEDSPACY_PYTHON", str(tmp_path / "no-python"))
    (found,) = score(data, ["ratescore"]).values()
    assert found.value is None
    assert "CXRBENCH_MEDSPACY_PYTHON" in found.reason
