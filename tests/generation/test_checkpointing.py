"""Gradients from layers that are computed again."""

from __future__ import annotations

import pytest
import torch
from generation_world import memory, settings
from llm_world import adapters, generator
from transformers import LlamaForCausalLM

from cxrbench.errors import BadRequest
from cxrbench.generation.cross_attention import CrossAttentionGenerator
from cxrbench.generation.prefix_llm import WritingSettings
from cxrbench.generation.relational import RelationalGenerator, RelationalSettings
from cxrbench.generation.search import SearchSettings
from cxrbench.generation.tokenizer import ReportTokenizer

REPORTS = ("No effusion.", "Large left effusion. Heart normal.")
SMALL = {"dim": 16, "feed_forward": 16, "heads": 2, "layers": 2, "slot_heads": 2}
DROPOUT = 0.3  # what is computed again has to draw the same numbers


def cross_attention(on):
    words = ReportTokenizer.learn(REPORTS, 300)
    sizes = settings(vocab_size=300, positions=64, dropout=DROPOUT)
    return CrossAttentionGenerator(sizes, 6, words, checkpointing=on)


def relational(on):
    words = ReportTokenizer.learn(REPORTS, 300)
    sizes = RelationalSettings(vocab_size=300, dropout=DROPOUT, **SMALL)
    return RelationalGenerator(sizes, 6, words, checkpointing=on)


def prefix(on):
    lora = adapters()
    return generator(lora=type(lora)(lora.rank, lora.alpha, DROPOUT), checkpointing=on).train()


def part_of_a_layer(model):
    if isinstance(model, CrossAttentionGenerator):
        return model.decoder.transformer.h[0].mlp
    if isinstance(model, RelationalGenerator):
        return model.network.decoder[0].feed_forward
    return model.llm.get_base_model().model.layers[0].mlp


@pytest.mark.parametrize("make", [cross_attention, relational, prefix])
def test_loss_and_gradients_are_the_same(make):
    found = []
    for on in (False, True):
        torch.manual_seed(0)
        model, calls = make(on), []
        part_of_a_layer(model).register_forward_pre_hook(lambda *_, to=calls: to.append(1))
        torch.manual_seed(1)
        loss = model.loss(memory(0, 2, dim=6), REPORTS)
        loss.backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        assert None not in grads.values()
        found.append((loss, grads, len(calls)))
    (kept, own, once), (again, other, twice) = found
    assert (once, twice) == (1, 2)
    assert torch.equal(kept, again) and own.keys() == other.keys()
    assert sum(grad.abs().sum() for grad in own.values()) > 0
    for name, grad in own.items():
        torch.testing.assert_close(other[name], grad, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("make", [cross_attention, relational, prefix])
def test_writing_is_not_touched(make):
    written = []
    for on in (False, True):
        torch.manual_seed(0)
        with torch.inference_mode():
            how = WritingSettings(1, 8) if make is prefix else SearchSettings(2, 12)
            written.append(make(on).generate(memory(0, 2, dim=6), how))
    assert written[0] == written[1]


def test_a_model_that_cannot_is_refused(monkeypatch):
    monkeypatch.setattr(LlamaForCausalLM, "supports_gradient_checkpointing", False)
    with pytest.raises(BadRequest, match="LlamaForCausalLM keeps"):
        generator(checkpointing=True)
