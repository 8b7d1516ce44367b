"""SRR-BERT, read from files of their true form, against transformers itself."""

import numpy as np
import pytest
import torch
from reader_files import small_card, write_srr
from transformers import BertForSequenceClassification, BertTokenizer

from cxrbench.errors import WeightsError
from cxrbench.readers import find_reader, reader_card
from cxrbench.readers.srr_bert import SrrBert

BULLETS = ("Lungs are clear.", "Small left pleural effusion.", "", "A tube is in place.", "Edema")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path))
    folder = tmp_path / "srr-bert-leaves"
    write_srr(folder)
    return folder


def read(bullets=BULLETS):
    return SrrBert.load(find_reader(small_card("srr-bert-leaves"))).label(bullets)


def test_labels_are_those_of_transformers(folder):
    network = BertForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    with torch.inference_mode():
        logits = [network(**tokenizer([text], return_tensors="pt")).logits[0] for text in BULLETS]
    expected = [(row.sigmoid() > 0.5).tolist() for row in logits]
    found = read()
    assert found.dtype == np.bool_
    assert found.tolist() == expected
    assert len(set(map(tuple, expected))) == len(BULLETS)


@pytest.mark.parametrize("content", ["[]", "no json", "3"])
def test_a_damaged_config_is_refused(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=r"cannot read config.json"):
        read()


def test_sizes_of_another_network_are_refused(folder):
    (folder / "config.json").write_text('{"hidden_size": 48, "num_hidden_layers": 1}')
    with pytest.raises(WeightsError, match="does not fit srr-bert-leaves"):
        read()


def test_there_are_55_labels_each_once():
    labels = reader_card("srr-bert-leaves").config["labels"]
    assert len(labels) == len(set(labels)) == 55
    assert labels[0] == "No Finding"
