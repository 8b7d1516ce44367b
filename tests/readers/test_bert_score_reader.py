"""BERTScore: by hand, and against hidden states and loops of plain transformers models."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from token_reader_files import write_distilbert, write_distilroberta
from tokenizers import ByteLevelBPETokenizer

from cxrbench.errors import WeightsError
from cxrbench.readers import resident
from cxrbench.readers.bert_score import BertScore, match

PAIRS = (
    ("No acute effusion.", "No effusion"),
    ("The heart is normal, lungs are clear.", " the heart is normal, lungs are clear.\n"),
    ("small left effusion", ""),
    ("Small", "right lungs " * 30),
    ("No acute effusion.", "No effusion"),
)
REFERENCES, GENERATED = zip(*PAIRS, strict=True)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))
    monkeypatch.setattr(resident, "_last", {})


def test_by_hand():
    """Frame, two tokens, frame; the second token of the reference is found in no other."""
    reference = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [1, 0, 0]])
    generated = torch.tensor([[1.0, 0, 0], [0, 5, 0], [1, 1, 0], [0, 1, 0]])
    half = 0.5**0.5
    # Of the generated report: 1 (equal), and the better of its cosines with both axes.
    assert match(reference, generated)[0] == pytest.approx((1 + half) / 2)
    # Of the reference: 1, and 0 since nothing points its way.
    assert match(reference, generated)[1] == pytest.approx(0.5)
    p, r, f1 = match(reference, generated)
    assert f1 == pytest.approx(2 * p * r / (p + r))


def test_a_text_without_tokens_has_0_before_rescaling():
    frame, text = torch.ones(2, 3), torch.ones(4, 3)
    assert match(frame, text) == match(text, frame) == match(frame, frame) == (0, 0, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 7), st.integers(3, 7))
def test_precision_is_the_recall_of_the_other_way_round(seed, left, right):
    random = torch.Generator().manual_seed(seed)
    one, other = (torch.rand(n, 4, generator=random) for n in (left, right))
    precision, recall, f1 = match(one, other)
    assert match(other, one) == pytest.approx((recall, precision, f1), abs=1e-6)
    assert match(one, one) == pytest.approx((1, 1, 1), abs=1e-6)
    assert match(3 * one, other / 7) == pytest.approx((precision, recall, f1), abs=1e-6)


def fifth_layer(network, ids):
    with torch.inference_mode():
        return network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[5][0]


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


def naive(network, ids_of, baseline):
    rows = []
    for reference, generated in PAIRS:
        ours, theirs = (fifth_layer(network, ids_of(text)) for text in (reference, generated))
        p = [max(cosine(one, other) for other in ours) for one in theirs[1:-1]]
        r = [max(cosine(one, other) for other in theirs) for one in ours[1:-1]]
        if not p or not r:
            rows.append([0.0, 0.0, 0.0])
            continue
        p, r = sum(p) / len(p), sum(r) / len(r)
        rows.append([p, r, 2 * p * r / (p + r)])
    baseline = np.array(baseline)
    return (np.array(rows) - baseline) / (1 - baseline)


def test_distilbert(tmp_path):
    network = write_distilbert(tmp_path / "readers").distilbert
    words = (tmp_path / "readers/bertscore-distilbert/vocab.txt").read_text().split()

    def ids_of(text):
        pieces = text.lower().replace(",", " , ").replace(".", " . ").split()
        return [2, *[words.index(piece) for piece in pieces][:30], 3]

    found = BertScore.load("bertscore-distilbert").compare(REFERENCES, GENERATED)
    expected = naive(network, ids_of, [0.6666034, 0.66660464, 0.66620487])
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(found[1], 1, atol=1e-5)  # equal but for case and blanks around
    assert found[2, 2] == pytest.approx(-0.66620487 / (1 - 0.66620487))


def test_distilroberta_reads_the_first_word_as_any_other(tmp_path):
    network = write_distilroberta(tmp_path / "readers").roberta
    place = tmp_path / "readers/bertscore-distilroberta"
    tokenizer = ByteLevelBPETokenizer(str(place / "vocab.json"), str(place / "merges.txt"))

    def ids_of(text):
        text = text.strip()
        return [0, *tokenizer.encode(f" {text}" if text else "").ids[:36], 2]

    found = BertScore.load("bertscore-distilroberta").compare(REFERENCES, GENERATED)
    expected = naive(network, ids_of, [0.84732, 0.84759504, 0.8473319])
    np.testing.assert_allclose(found, expected, atol=5e-5)


def test_pairs_are_kept(tmp_path, monkeypatch):
    write_distilbert(tmp_path / "readers")
    first = BertScore.load("bertscore-distilbert").compare(REFERENCES, GENERATED)
    monkeypatch.setattr(BertScore, "_parts", lambda self: pytest.fail("it reads again"))
    again = BertScore.load("bertscore-distilbert").compare(REFERENCES[::-1], GENERATED[::-1])
    np.testing.assert_array_equal(again, first[::-1])


def test_networks_of_fewer_layers_are_refused(tmp_path, monkeypatch):
    write_distilbert(tmp_path / "readers")
    config = tmp_path / "readers/bertscore-distilbert/bertscore-distilbert-config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_dim": 41}))
    with pytest.raises(WeightsError, match="does not fit"):
        BertScore.load("bertscore-distilbert").compare(["a"], ["b"])
