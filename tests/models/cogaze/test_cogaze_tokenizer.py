"""Token ids, templates and special tokens."""

from __future__ import annotations

import pytest
from cxrbench_models.cogaze.tokenizer import (
    SPECIAL_TOKENS,
    CoGazeTokenizer,
    context_text,
    report_text,
    special_ids,
)
from tokenizers import Tokenizer, models, pre_tokenizers

from cxrbench.errors import WeightsError

SPACE = 220  # GPT-2's id of the byte 0x20


def test_special_ids_are_those_of_the_spec():
    assert special_ids(50265) == {
        "<|endoftext|>": 50256,
        "[PAD]": 50257,
        "[SEP]": 50258,
        "[CLS]": 50259,
        "[INDICATION]": 50260,
        "[HISTORY]": 50261,
        "[Similar Cases]": 50262,
        "[FINDINGS]": 50263,
        "[TRANSCRIPT]": 50264,
    }
    assert special_ids(265)["<|endoftext|>"] == 256


def test_special_ids_follow_the_golden_order(tiny):
    assert list(special_ids(120).values()) == tiny.vision["special_ids"]


def test_templates():
    assert report_text("Clear lungs.") == "[CLS] [FINDINGS] Clear lungs."
    assert context_text("Cough.") == "[CLS] [INDICATION] Cough. [SEP] [HISTORY]"
    assert context_text("Cough.", "Asthma.") == "[CLS] [INDICATION] Cough. [SEP] [HISTORY] Asthma."


def test_a_space_stands_alone_between_special_tokens():
    ids = special_ids(50265)
    (row,) = CoGazeTokenizer(50265, 300)([report_text("A!")]).ids.tolist()
    assert row == [ids["[CLS]"], SPACE, ids["[FINDINGS]"], SPACE, 32, 0]


def test_all_bytes_have_gpt2s_ids():
    """The order of the first 256 ids is fixed by the printable characters coming first."""
    text = "".join(map(chr, [*range(0x21, 0x7F), 0x20, 0x0A]))
    (row,) = CoGazeTokenizer(265, 300)([text]).ids.tolist()
    assert row == [*range(94), SPACE, 198]  # 198: the line feed


def test_every_text_can_be_tokenised():
    tokens = CoGazeTokenizer(265, 300)(["Größe 5 µm, ≥ ½ 胸"])
    assert int(tokens.ids.max()) < 256
    assert tokens.ids.shape[1] == len("Größe 5 µm, ≥ ½ 胸".encode())


def test_padding_and_truncation_are_on_the_right():
    tokens = CoGazeTokenizer(265, 6)(["abcdefgh", "ab", ""])
    assert tokens.mask.sum(1).tolist() == [6, 2, 0]
    assert tokens.ids[0].tolist() == [64, 65, 66, 67, 68, 69]
    assert tokens.ids[1].tolist() == [64, 65] + 4 * [special_ids(265)["[PAD]"]]


def write_gpt2_like(path, merges):
    """A tokenizer file with the bytes, some merges and `<|endoftext|>`, and nothing else."""
    symbols = list(CoGazeTokenizer(265, 8)._tokenizer.get_vocab(with_added_tokens=False).items())
    vocab = {symbol: index for symbol, index in symbols if index < 256}
    for left, right in merges:
        vocab[left + right] = len(vocab)
    vocab["<|endoftext|>"] = len(vocab)
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(path))
    return vocab


def test_a_file_brings_its_merges_and_gets_the_special_tokens(tmp_path):
    vocab = write_gpt2_like(tmp_path / "tokenizer.json", [("l", "u"), ("Ġ", "lu")])
    tokenizer = CoGazeTokenizer(256 + 2 + len(SPECIAL_TOKENS), 300, tmp_path / "tokenizer.json")
    ids = special_ids(256 + 2 + len(SPECIAL_TOKENS))
    assert ids["<|endoftext|>"] == vocab["<|endoftext|>"]
    (row,) = tokenizer([report_text("lung")]).ids.tolist()
    assert row == [ids["[CLS]"], SPACE, ids["[FINDINGS]"], vocab["Ġlu"], vocab["n"], vocab["g"]]


def test_a_file_of_another_vocabulary_is_refused(tmp_path):
    write_gpt2_like(tmp_path / "tokenizer.json", [])
    with pytest.raises(WeightsError, match="does not fit"):
        CoGazeTokenizer(50265, 300, tmp_path / "tokenizer.json")
