"""The generator whose decoder attends to the memory."""

from __future__ import annotations

import pytest
import torch
from generation_world import memory, settings
from torch.nn import functional as F

from cxrbench.errors import BadRequest
from cxrbench.generation.cross_attention import CrossAttentionGenerator
from cxrbench.generation.decoder import DecoderSettings
from cxrbench.generation.search import SearchSettings
from cxrbench.generation.teacher import teacher_forced
from cxrbench.generation.tokenizer import ReportTokenizer

REPORTS = ("No effusion.", "Large left effusion.\nHeart normal.")


@pytest.fixture(scope="module")
def tokenizer():
    return ReportTokenizer.learn(REPORTS, 300)


def generator(tokenizer=None, seed=0, **changes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CrossAttentionGenerator(settings(vocab_size=300, **changes), 6, tokenizer)


def test_the_loss_is_the_mean_over_all_tokens_but_padding():
    model, seen = generator().eval(), memory(0, 3, dim=6)
    texts = [[0, 7, 8, 9, 2], [0, 5, 2], [0, 2]]
    alone = []
    for text, one in zip(texts, seen, strict=True):
        out = model.decoder(
            torch.tensor([text[:-1]]), encoder_hidden_states=model.projection(one[None])
        )
        alone.append(F.cross_entropy(out.logits[0], torch.tensor(text[1:]), reduction="none"))
    found = model.loss_of(seen, teacher_forced(texts, pad=1))
    torch.testing.assert_close(found, torch.cat(alone).mean(), rtol=1e-5, atol=1e-6)


def test_gradients_reach_the_memory_the_projection_and_the_decoder(tokenizer):
    model, seen = generator(tokenizer), memory(0, 2, dim=6).requires_grad_()
    model.loss(seen, REPORTS).backward()
    assert seen.grad.abs().sum() > 0
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_it_learns_two_images_and_writes_them(tokenizer):
    model, seen = generator(tokenizer, dim=32, positions=64, dropout=0.0), memory(0, 2, dim=6)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(seen, REPORTS).backward()
        optimizer.step()
    for beams in (1, 4):
        written = model.generate(seen, SearchSettings(beams=beams, max_length=64))
        assert written == list(REPORTS)
    assert model.training  # as before


def test_dropout_is_off_while_it_writes():
    model, seen = generator(dropout=0.5).train(), memory(0, 3, dim=6)
    options = {"settings": SearchSettings(max_length=12), "start": 0, "end": 2, "pad": 1}
    assert torch.equal(
        model.generate_ids(seen, **options).ids, model.generate_ids(seen, **options).ids
    )


def test_a_memory_of_the_same_width_is_not_projected():
    assert list(CrossAttentionGenerator(settings(), 16).projection.parameters()) == []


def test_released_size():
    """As the released file holds it: 96.1 M, the output layer shared with the word table."""
    with torch.device("meta"):
        model = CrossAttentionGenerator(DecoderSettings(), 768)
    assert sum(p.numel() for p in model.parameters()) == 96_102_144


def test_what_cannot_be_is_refused(tokenizer):
    with pytest.raises(BadRequest, match="does not fit the decoder"):
        CrossAttentionGenerator(settings(vocab_size=200), 6, tokenizer)
    with pytest.raises(BadRequest, match="cannot read or write"):
        generator().generate(memory(0, 1, dim=6))
    with pytest.raises(BadRequest) as error:
        generator(tokenizer).generate(memory(0, 1, dim=6), SearchSettings(max_length=33))
    assert "32 positions" in error.value.why
