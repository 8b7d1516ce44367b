"""Prompts and turns."""

from __future__ import annotations

import pytest

from cxrbench.errors import BadRequest
from cxrbench.generation.prompt import Prompt, read_chat, read_prompt

TWO_WORDS = {"similar_report": {"tokens": 2, "cut": "left"}}
PROMPT = Prompt.model_validate(
    {
        "system": "Be short.",
        "lines": [
            "See {image}!",
            "As {similar_report}",
            {"say": "Change it.", "needs": ["similar_report"]},
            "Think of {diseases}",
        ],
        "limits": TWO_WORDS,
    }
)


def cut(text, tokens, left):
    words = text.split()
    return " ".join(words[-tokens:] if left else words[:tokens])


def test_lines_without_their_fields_are_left_out():
    before, after = read_chat("plain").around_image(PROMPT, {"diseases": "edema"}, cut)
    assert before == "Be short.\n\nSee "
    assert after == "!\nThink of edema\n\nReport: "


def test_a_field_is_one_line_and_shortened_where_the_prompt_says():
    fields = {"similar_report": "No\nacute {image} \ufffc finding.", "diseases": "  "}
    _, after = read_chat("plain").around_image(PROMPT, fields, cut)
    assert after == "!\nAs {image} finding.\nChange it.\n\nReport: "


def test_turns_of_llama_3():
    before, after = read_chat("llama-3").around_image(PROMPT, {}, cut)
    head = "<|start_header_id|>{}<|end_header_id|>\n\n".format
    assert before == (f"<|begin_of_text|>{head('system')}Be short.<|eot_id|>{head('user')}See ")
    assert after == f"!<|eot_id|>{head('assistant')}"


def test_turns_of_the_released_model():
    head = "<|start_header_id|>{}<|end_header_id|>\n\n".format
    start = f"<|begin_of_text|>{head('system')}Be short.<|eot_id|>\n{head('user')}See "
    closed, still_open = (
        read_chat(name).around_image(PROMPT, {}, cut)
        for name in ("llama-3-released", "llama-3-open-turn")
    )
    assert closed == (start, f"!<|eot_id|>\n{head('assistant')}")
    assert still_open == (start, f"!{head('assistant')}")


@pytest.mark.parametrize("name", ["free-text", "structured"])
def test_built_in_prompts_read_with_and_without_fields(name):
    prompt, chat = read_prompt(name), read_chat("llama-3")
    known = {"similar_report": "No effusion.", "diseases": "edema, effusion"}
    bare, full = (chat.around_image(prompt, fields, cut) for fields in ({}, known))
    assert bare[0] == full[0] and not set("{}") & set("".join((*bare, *full)))
    assert ("effusion" in full[1]) == (name == "free-text") and "effusion" not in bare[1]


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("system: s\nlines: ['{image}']\n")
    assert read_prompt(path).system == "s"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("system: s\nlines: [nothing]\n", "exactly one line"),
        ("system: s\nlines: ['{image} {image}']\n", "exactly one line"),
        ("system: s\nlines: ['{image}']\nmore: 1\n", "Extra inputs"),
        ("system: [", "while parsing"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, reason):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadRequest, match="is not valid") as error:
        read_prompt(path)
    assert reason in error.value.why


def test_an_unknown_name_tells_those_there_are():
    with pytest.raises(BadRequest) as error:
        read_chat("llama-9")
    assert "llama-3, llama-3-open-turn, llama-3-released, plain" in error.value.why
