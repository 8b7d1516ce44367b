"""Reports as words."""

from __future__ import annotations

import json

import pytest

from cxrbench.errors import WeightsError
from cxrbench.generation.words import WordTokenizer, words_of

CLEANED = {
    "The heart is NORMAL. No effusion.": "the heart is normal . no effusion .",
    "Clear lungs": "clear lungs .",
    "1. No effusion. 2. Clear lungs. 3. Old (healed) rib fracture.": (
        "no effusion . clear lungs . old healed rib fracture ."
    ),
    "Stable 2. No change": "stable . no change .",
    "Hazy... and dense.... Left": "hazy . and dense . left .",
    "Right-sided, 2.5 cm; \"mass\" and/or 'scar'?": "right-sided 25 cm mass andor scar .",
    "No [XXXX] <b> @ 50% & _ + = : !": "no xxxx b 50 .",
    "Normal. . Clear.": "normal . . clear .",
    "Normal.\nClear.": "normal clear .",
    "6. Last.": "6 . last .",
    "": ".",
}


@pytest.mark.parametrize(("text", "expected"), CLEANED.items())
def test_a_report_is_cleaned(text, expected):
    assert words_of(text) == expected.split()


def test_words_that_are_rare_are_unknown():
    texts = ["No effusion.", "No edema. No effusion.", "Effusion?"]
    tokenizer = WordTokenizer.learn(texts, least_count=3)
    # <unk> and words in order, after id 0
    ids = {".": 1, "<unk>": 2, "effusion": 3, "no": 4}
    assert tokenizer.vocab_size == len(ids) + 1
    assert tokenizer.encode(["no edema", "Effusion. No"], 60) == [
        [0, ids["no"], ids["<unk>"], ids["."], 0],
        [0, ids["effusion"], ids["."], ids["no"], ids["."], 0],
    ]
    assert tokenizer.decode([[0, 4, 2, 1, 0], [0], [3, 4, 99, 0]]) == [
        "no <unk> .",
        "",
        "effusion no",
    ]


def test_a_long_report_is_cut_and_has_no_end():
    tokenizer = WordTokenizer.learn(["a b c d e"], least_count=1)
    whole = tokenizer.encode(["a b c d e"], 60)[0]
    assert whole[0] == whole[-1] == 0 and len(whole) == 8
    assert tokenizer.encode(["a b c d e"], 4) == [whole[:4]]
    assert tokenizer.decode([whole[:4]]) == ["a b c"]


def test_a_vocabulary_is_restored(tmp_path):
    tokenizer = WordTokenizer.learn(["Größe, \N{DEGREE SIGN} no no"], least_count=1)
    path = tmp_path / "words.json"
    tokenizer.save(path)
    other = WordTokenizer.from_file(path)
    texts = ["no größe", "° something"]
    assert other.encode(texts, 60) == tokenizer.encode(texts, 60)
    assert other.vocab_size == tokenizer.vocab_size


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"words": 3}', '{"words": ["a"]}', '{"words": ["a", "a", "<unk>"]}']
)
def test_what_is_no_vocabulary_is_refused(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_text(content)
    with pytest.raises(WeightsError, match="vocabulary"):
        WordTokenizer.from_file(path)
    with pytest.raises(WeightsError, match="vocabulary"):
        WordTokenizer.from_file(tmp_path / "nothing.json")


def test_the_file_is_plain_json(tmp_path):
    WordTokenizer.learn(["b a"], least_count=1).save(tmp_path / "words.json")
    assert json.loads((tmp_path / "words.json").read_text()) == {"words": [".", "<unk>", "a", "b"]}
