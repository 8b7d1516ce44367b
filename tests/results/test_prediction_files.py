"""LabelScores on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cxrbench.data.samples import Sample
from cxrbench.errors import DataError
from cxrbench.predictions import LabelScores, Texts
from cxrbench.results.predictions import read_predictions, write_predictions


@pytest.fixture
def predictions():
    samples = [
        Sample("a.png", "1", Path("a.png"), "PA", "F", 61.0, "told", "s1"),
        Sample("b.png", "1", Path("b.png")),
        Sample("ü|c.png", "2", Path("c.png"), None, "M", None),
    ]
    labels = np.array([[1, np.nan], [0, np.nan], [np.nan, np.nan]], np.float32)
    scores = np.array([[0.1, 1 / 3], [0.0, 1.0], [1e-12, 1 - 1e-12]])
    return LabelScores(samples, ("Mass", "Pleural_Thickening"), labels, scores)


def test_round_trip(tmp_path, predictions):
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    found = read_predictions(path)
    assert found.names == predictions.names
    np.testing.assert_array_equal(found.labels, predictions.labels)
    np.testing.assert_array_equal(found.scores, predictions.scores)
    assert (found.labels.dtype, found.scores.dtype) == (np.float32, np.float64)
    for ours, theirs in zip(found.samples, predictions.samples, strict=True):
        for field in ("id", "patient", "study", "view", "sex", "age"):
            assert getattr(ours, field) == getattr(theirs, field)


def test_reports_come_back_as_they_were(tmp_path, predictions):
    generated, references = ["", 'No "effusion".\nClear.', "½ µm"], ["a", "b\tc", " d "]
    texts = Texts(predictions.samples, predictions.names, predictions.labels, generated, references)
    write_predictions(tmp_path / "p.parquet", texts)
    found = read_predictions(tmp_path / "p.parquet")
    assert isinstance(found, Texts)
    assert (found.generated, found.references) == (generated, references)
    np.testing.assert_array_equal(found.labels, predictions.labels)


def test_an_unknown_label_is_null_and_not_nan(tmp_path, predictions):
    """As the format says; other readers tell the two apart."""
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    table = pq.read_table(path)
    assert [table[f"label:{name}"].null_count for name in predictions.names] == [1, 3]


def test_a_file_without_studies_still_reads(tmp_path, predictions):
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    pq.write_table(pq.read_table(path).drop_columns(["study"]), path)
    assert [sample.study for sample in read_predictions(path).samples] == [None] * 3


def test_a_field_nobody_has(tmp_path, predictions):
    samples = [Sample(s.id, s.patient, s.image) for s in predictions.samples]
    write_predictions(
        tmp_path / "p.parquet",
        LabelScores(samples, predictions.names, predictions.labels, predictions.scores),
    )
    found = read_predictions(tmp_path / "p.parquet")
    assert [(s.view, s.sex, s.age) for s in found.samples] == [(None, None, None)] * 3


def test_the_same_predictions_give_the_same_bytes(tmp_path, predictions):
    for name in ("a", "b"):
        write_predictions(tmp_path / name, predictions)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"PAR1 half a file"])
def test_what_cannot_be_read_is_told(tmp_path, content):
    path = tmp_path / "p.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"p\.parquet cannot be read"):
        read_predictions(path)
