"""Texts to ids and back."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models

from cxrbench.errors import BadRequest, WeightsError
from cxrbench.generation.text import cleaned
from cxrbench.generation.tokenizer import ReportTokenizer

REPORT = "Lungs:\n- No effusion, Größe unchanged."


@pytest.fixture(scope="module")
def tokenizer():
    return ReportTokenizer.learn([REPORT, "No pneumothorax. No effusion."] * 5, 280)


def test_a_text_comes_back_as_it_was(tokenizer, tmp_path):
    [ids] = tokenizer.encode([REPORT], 200)
    assert (ids[0], ids[-1]) == (tokenizer.start_id, tokenizer.end_id)
    assert len(ids) < 2 + len(REPORT.encode()) and max(ids) < tokenizer.vocab_size <= 280
    assert tokenizer.decode([[*ids, tokenizer.pad_id]]) == [REPORT]
    tokenizer.save(tmp_path / "tokenizer.json")
    again = ReportTokenizer.from_file(tmp_path / "tokenizer.json")
    assert again.encode([REPORT], 200) == [ids] and again.vocab_size == tokenizer.vocab_size
    assert (again.start_id, again.pad_id) == (tokenizer.start_id, tokenizer.pad_id)


def test_a_text_that_is_too_long_is_cut_and_has_no_end(tokenizer):
    [whole], [ids] = tokenizer.encode([REPORT], 200), tokenizer.encode([REPORT], 6)
    assert ids == whole[:6] and ids[-1] != tokenizer.end_id


def test_special_tokens_are_added_in_order(tmp_path, tokenizer):
    tokenizer.save(tmp_path / "tokenizer.json")
    special = ("<|endoftext|>", "[PAD]", "[A]", "[B]")
    found = ReportTokenizer.from_file(tmp_path / "tokenizer.json", special)
    assert found.vocab_size == tokenizer.vocab_size + 2
    [ids] = found.encode(["[B][A]"], 9)
    assert ids[1:-1] == [found.vocab_size - 1, found.vocab_size - 2]


def test_a_cut_within_a_character_leaves_nothing_behind(tokenizer):
    [ids] = tokenizer.encode(["ö"], 9)
    assert len(ids) == 4 and tokenizer.decode([ids[:2]]) == [""]


def test_what_cannot_be_printed_is_removed():
    assert cleaned(" No\x00 effusion.\x1b\n- \ufffdHeart \n") == "No effusion.\n- Heart"


def test_what_is_no_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError, match="cannot read the tokenizer"):
        ReportTokenizer.from_file(tmp_path / "tokenizer.json")
    with pytest.raises(BadRequest, match="does not fit a report decoder"):
        ReportTokenizer(Tokenizer(models.BPE()))
