"""Metrics of models that read reports, where these are absent, damaged or there."""

import pytest
import reader_files

from cxrbench.metrics import get_metric, score
from cxrbench.metrics.base import MetricUnavailable
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.readers import files


@pytest.fixture(autouse=True)
def absent(monkeypatch, tmp_path):
    """No reader is here, and none was tried to fetch."""
    monkeypatch.setattr(files, "_failed", {})
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path))
    reader_files.use_small_cards(monkeypatch, tmp_path / "readers")


def test_there_is_no_value_and_a_reason():
    data = TextInput.of(["Lungs are clear."], ["Clear lungs."])
    metric = get_metric("chexbert-f1-14-micro")
    with pytest.raises(MetricUnavailable):
        metric.per_class(data)
    assert metric.per_sample(data) is None
    found = score(data, ["chexbert-f1-14-macro"])["chexbert-f1-14-macro"]
    assert (found.value, found.floor, found.per_class, found.readers) == (None,) * 4
    assert "CheXbert is not on this machine" in found.reason
    assert "chexbert.pth" in found.reason
    assert "\n" not in found.reason


def test_a_damaged_file_costs_the_value_alone(tmp_path):
    folder = tmp_path / "readers" / "chexbert"
    reader_files.write_vocabulary(folder)
    (folder / "chexbert.pth").write_bytes(b"half a download")
    data = TextInput.of(["Lungs are clear."], ["Clear lungs."])
    found = score(data, ["chexbert-f1-14-micro"])["chexbert-f1-14-micro"]
    assert found.value is None
    assert "chexbert.pth" in found.reason


def test_the_files_that_read_are_told(tmp_path):
    folder = tmp_path / "readers" / "chexbert"
    path = reader_files.write_chexbert(folder, *reader_files.chexbert_parts())
    texts = ["Lungs are clear.", "Edema.", "Small pleural effusion."]
    found = score(TextInput.of(texts, texts), ["chexbert-accuracy-14-exact"], replicates=10)
    (one,) = found.values()
    assert one.value == 1
    assert one.readers["chexbert"] == files.sha256_file(path)
    assert set(one.readers) == {"chexbert", "chexbert-vocabulary"}


def test_a_value_for_which_no_text_was_read_needs_no_reader():
    data = TextInput.of(["Pleura:\n- Clear.\n"], ["Other:\n- Nothing.\n"])
    (one,) = score(data, ["f1-srr-leaves-sections-pooled"]).values()
    assert (one.value, one.readers, one.floor) == (0, None, None)
