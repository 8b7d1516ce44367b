"""MedKLIP: the vectors of its findings, which come from beside the checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from cxrbench_models.medklip import FINDINGS, MedKlip
from cxrbench_models.medklip_book import write_book
from transformers import BertConfig, BertModel, BertTokenizerFast

from cxrbench.encoder import ImageFeatures
from cxrbench.errors import RunError, WeightsError
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve


@pytest.fixture
def card():
    return Registry.discover([]).model("medklip").card


@pytest.fixture
def encoder(card):
    torch.manual_seed(0)
    return MedKlip(card).eval()


@pytest.fixture
def features():
    torch.manual_seed(1)
    return ImageFeatures(pooled=torch.randn(2, 1024), grid=torch.randn(2, 1024, 3, 3))


def test_findings_are_scored_by_their_own_vectors_in_any_order(encoder, features, tmp_path):
    torch.manual_seed(2)
    book, shuffled = torch.randn(75, 768), torch.randperm(75)
    found = []
    for rows in (book, book[shuffled]):
        np.save(tmp_path / "book.npy", rows.numpy())
        encoder.use_file("disease-book", tmp_path / "book.npy")
        with torch.inference_mode():
            found.append(encoder.score_classes(features))
    assert found[0].shape == (2, len(FINDINGS)) == (2, len(set(FINDINGS)))
    assert torch.allclose(found[0][:, shuffled], found[1], atol=1e-6)
    assert not torch.allclose(*found, atol=1e-3)


def test_vectors_of_another_shape_are_refused(encoder, tmp_path):
    np.save(tmp_path / "book.npy", np.zeros((74, 768), np.float32))
    with pytest.raises(WeightsError, match="findings") as caught:
        encoder.use_file("disease-book", tmp_path / "book.npy")
    assert "(74, 768), expected (75, 768)" in caught.value.why


@pytest.mark.parametrize("content", [b"no array", b""])
def test_what_is_no_array_is_refused(encoder, tmp_path, content):
    (tmp_path / "book.npy").write_bytes(content)
    with pytest.raises(WeightsError, match="findings"):
        encoder.use_file("disease-book", tmp_path / "book.npy")


def test_an_array_of_objects_is_refused(encoder, tmp_path):
    np.save(tmp_path / "book.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(WeightsError, match="findings"):
        encoder.use_file("disease-book", tmp_path / "book.npy")


def test_scores_need_a_grid(encoder, features):
    with pytest.raises(RunError, match="findings"):
        encoder.score_classes(ImageFeatures(pooled=features.pooled))


def test_a_checkpoint_without_the_vectors_is_refused(card, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    checkpoint = tmp_path / "MedKLIP.pth"
    checkpoint.touch()
    with pytest.raises(WeightsError) as caught:
        resolve(card, str(checkpoint))
    assert "disease_book.npy" in caught.value.why


def test_the_book_holds_the_first_token_of_every_explanation(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(75))]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=64,
    )  # fmt: skip
    model = BertModel(config).eval()
    model.save_pretrained(tmp_path / "bert")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "bert")
    # Of different lengths, one of them too long.
    texts = {name: " ".join([f"w{n}"] * (n + 1)) for n, name in enumerate(FINDINGS)}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    write_book(tmp_path / "texts.json", str(tmp_path / "bert"), tmp_path / "book.npy")
    found = np.load(tmp_path / "book.npy")
    assert found.shape == (75, 8) and found.dtype == np.float32
    for n in (0, 5, 74):
        ids = torch.tensor([[2, *([5 + n] * min(n + 1, 62)), 3]])
        with torch.inference_mode():
            expected = model(input_ids=ids).last_hidden_state[0, 0]
        assert np.allclose(found[n], expected.numpy(), atol=1e-6)


def test_a_book_of_other_findings_is_not_made(tmp_path):
    (tmp_path / "texts.json").write_text(json.dumps({"edema": "fluid"}))
    with pytest.raises(WeightsError, match="findings"):
        write_book(tmp_path / "texts.json", "nowhere", tmp_path / "book.npy")
