"""Decoding steps with their cache, against the whole network on the whole text."""

from __future__ import annotations

import pytest
import torch
from generation_world import decoder, memory

from cxrbench.generation import cache as module
from cxrbench.generation.steps import DecodingSteps


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def whole(model, seen, texts):
    """B×K×V logits after texts, B×K×N, from the network itself."""
    size, beams, length = texts.shape
    out = model(
        texts.reshape(-1, length), encoder_hidden_states=seen.repeat_interleave(beams, dim=0)
    )
    return out.logits[:, -1].reshape(size, beams, -1)


def walk(model, seen, beams, length, drop_at=None):
    """Random continuations; compares the logits of each step."""
    draw = torch.Generator().manual_seed(0)
    size = len(seen)
    steps = DecodingSteps(model, seen, beams)
    texts = torch.full((size, 1, 1), 3)
    torch.testing.assert_close(
        steps.begin(texts[:, 0, 0]), whole(model, seen, texts), rtol=1e-4, atol=1e-4
    )
    for step in range(1, length):
        if step == drop_at:
            kept = torch.tensor([0, 2])
            seen, texts = seen[kept], texts[kept]
            steps.keep(kept)
        size = len(seen)
        parents = torch.randint(texts.shape[1], (size, beams), generator=draw)
        tokens = torch.randint(40, (size, beams), generator=draw)
        past = torch.stack([text[own] for text, own in zip(texts, parents, strict=True)])
        texts = torch.cat([past, tokens[..., None]], dim=2)
        torch.testing.assert_close(
            steps.next(parents, tokens), whole(model, seen, texts), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_every_beam_attends_to_its_own_past_alone(beams):
    walk(decoder(beams), memory(0, 3), beams, 12)


def test_the_other_images_are_forgotten():
    walk(decoder(0), memory(0, 3), 3, 8, drop_at=4)


def test_the_cache_grows(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_STEPS", 2)
    walk(decoder(1), memory(1, 3), 3, 14, drop_at=9)


def test_the_memory_is_projected_once():
    model, calls = decoder(0), []
    for block in model.transformer.h:
        block.crossattention.c_attn.register_forward_hook(lambda *_: calls.append(1))
    walked = DecodingSteps(model, memory(0, 2), 4)
    walked.begin(torch.zeros(2, dtype=torch.int64))
    for _ in range(3):
        walked.next(*torch.zeros(2, 2, 4, dtype=torch.int64))
    assert len(calls) == len(model.transformer.h)


def test_half_precision_stays_close():
    model, seen = decoder(2), memory(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        steps = DecodingSteps(model, seen, 2)
        found = steps.begin(torch.tensor([3, 4, 5]))
        found = steps.next(torch.zeros(3, 2, dtype=torch.int64), torch.tensor([[6, 7]] * 3))
    texts = torch.tensor([[[3, 6], [3, 7]], [[4, 6], [4, 7]], [[5, 6], [5, 7]]])
    expected = whole(model, seen, texts)
    assert (found.float() - expected).abs().max() < 0.1 * expected.abs().max()
