"""What the released CoGaze does to the prompts of a language model."""

from __future__ import annotations

import pytest
import torch
from llm_world import REPORTS, SHORT, adapters, generator, llama, memory
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from cxrbench.generation.prefix_llm import WritingSettings

FIELDS = [{"similar_report": "A much longer report of a similar case."}, {}, {}]
GREEDY = WritingSettings(beams=1, max_new_tokens=12)
HEAD = "<|start_header_id|>{}<|end_header_id|>\n\n".format


def prompt(model, seen, fields, user_end="<|eot_id|>", turn="<|eot_id|>"):
    """Embeddings of one prompt, put together by hand."""
    known = [f"As {fields['similar_report']}"] if fields else []
    before = f"<|begin_of_text|>{HEAD('system')}{SHORT.system}{turn}{HEAD('user')}See "
    after = "\n".join(["", *known]) + f"{user_end}{HEAD('assistant')}"
    words = model.llm.get_input_embeddings()
    parts = [
        words(torch.tensor(model.tokenizer(text, add_special_tokens=False)["input_ids"]))
        for text in (before, after)
    ]
    return torch.cat([parts[0], model.projection(seen), parts[1]])


@torch.no_grad()
def written_after_padding(model, row, padding, count):
    """Greedy decoding without a cache, after so much padding.

    Positions as in transformers 4: those of the text go on, those of the padding are 1.
    """
    words = model.llm.get_input_embeddings()
    start = torch.cat([row, words(torch.full((padding,), model.pad_id))])
    length, ids = len(row), []
    for _ in range(count):
        embeddings = torch.cat([start, words(torch.tensor(ids, dtype=torch.int64))])
        new = torch.arange(length, length + len(ids))
        places = torch.cat([torch.arange(length), torch.ones(padding), new]).long()
        mask = torch.ones(len(embeddings), dtype=torch.int64)
        mask[length : length + padding] = 0
        logits = model.llm(
            inputs_embeds=embeddings[None], attention_mask=mask[None], position_ids=places[None]
        ).logits
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] in model.stop_ids:
            return ids[:-1]
    return ids


def right_padded(kind):
    if kind == "llama":
        return generator(padding_side="right")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.25}
        llm = GPT2LMHeadModel(GPT2Config(vocab_size=270, **sizes))
    return generator(llm, adapters("c_attn"), padding_side="right")


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_report_is_written_after_padding_on_the_right(kind):
    model, seen = right_padded(kind).eval(), memory(3)
    rows = [prompt(model, *one) for one in zip(seen, FIELDS, strict=True)]
    longest = max(map(len, rows))
    expected = [written_after_padding(model, row, longest - len(row), 12) for row in rows]
    assert model.generate_ids(seen, GREEDY, FIELDS) == expected
    without = [written_after_padding(model, row, 0, 12) for row in rows]
    assert expected[0] == without[0] and expected[1:] != without[1:]


def test_a_report_depends_on_the_prompts_beside_it_on_the_right_alone():
    seen = memory(3)
    for side in ("left", "right"):
        model = generator(padding_side=side)
        for beams in (1, 3):
            how = WritingSettings(beams=beams, max_new_tokens=12)
            alone = [
                model.generate_ids(one[None], how, [known])[0]
                for one, known in zip(seen, FIELDS, strict=True)
            ]
            together = model.generate_ids(seen, how, FIELDS)
            assert together[0] == alone[0]  # the longest has no padding
            assert (together == alone) == (side == "left")
        assert not model.llm.get_base_model()._forward_pre_hooks


def test_the_side_of_the_padding_makes_no_difference_to_the_loss():
    found = [
        generator(padding_side=side).loss(memory(2), REPORTS, FIELDS[:2]).item()
        for side in ("left", "right")
    ]
    assert found[0] == found[1]


def test_the_users_turn_stays_open_and_the_report_has_no_end():
    model = generator(chat="llama-3-open-turn", end_in_targets=False).eval()
    seen, total, count = memory(2), 0.0, 0
    for one, text in zip(seen, REPORTS, strict=True):
        row = prompt(model, one, {}, user_end="", turn="<|eot_id|>\n")
        ids = torch.tensor(model.tokenizer(text, add_special_tokens=False)["input_ids"])
        embeddings = torch.cat([row, model.llm.get_input_embeddings()(ids)])
        logits = model.llm(inputs_embeds=embeddings[None]).logits[0, len(row) - 1 : -1]
        total, count = (
            total + F.cross_entropy(logits, ids, reduction="sum").item(),
            count + len(ids),
        )
    assert model.loss(seen, REPORTS).item() == pytest.approx(total / count, abs=1e-5)
    end = model.tokenizer.convert_tokens_to_ids("<|eot_id|>")
    assert end in model.stop_ids  # where it writes one nevertheless
    assert [ids for ids in model.answers(REPORTS, 200) if end in ids] == []
    closed = generator(chat="llama-3-open-turn")
    assert [ids[-1] for ids in closed.answers(REPORTS, 200)] == [end, end]


def test_texts_within_a_length_are_those_it_learns():
    model = generator()
    assert model.within(REPORTS, 200) == list(REPORTS)
    assert model.within(REPORTS, 5) == ["No ef", "Large"]
    assert generator(end_in_targets=False).within([" No effusion. "], 200) == ["No effusion."]


def test_a_padding_without_an_embedding_is_no_matter_on_the_left():
    """Llama's tokenizer may have been given one that the model does not know."""
    model = generator(llama(vocab_size=261))  # one fewer than the tokenizer has
    assert model.pad_id == 261
    assert len(model.generate(memory(3), GREEDY, FIELDS)) == 3
