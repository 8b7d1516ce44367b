"""What CoGaze shows of itself: attention, gaze, and the grid on the way to the vector."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.cogaze.encoder import CoGazeEncoder
from cxrbench_models.cogaze.tokenizer import transcript_text

from cxrbench.encoder import AttendsToGrid, ImageBatch, PoolsGrid, PredictsGaze

HEADS, HEAD_DIM = 8, 64
SAID = ["Clear lungs.", "There is a large left pleural effusion with atelectasis.", "No."]


@pytest.fixture(scope="module")
def encoder(registry):
    card = registry.model("cogaze-tiny").card
    config = {**card.config, "perceiver": {"depth": 2, "latents": 6}}
    torch.manual_seed(0)
    made = CoGazeEncoder(card.model_copy(update={"config": config})).eval()
    # Far from uniform, so that a wrong map cannot pass for a right one.
    for layer in made.perceiver.layers:
        layer[0].fn.to_q.weight.data *= 8
    return made


@pytest.fixture(scope="module")
def batch(encoder):
    height, width = encoder.image_spec.size
    pixels = torch.randn(3, 3, height, width, generator=torch.Generator().manual_seed(1))
    return ImageBatch(pixels, view=["PA", None, "AP"], context=["Cough.", None, "Fever, pain."])


def test_it_shows_all_there_is(encoder):
    assert all(isinstance(encoder, kind) for kind in (AttendsToGrid, PredictsGaze, PoolsGrid))


def test_attention_is_the_softmax_of_the_last_block_as_it_runs(encoder, batch):
    last = encoder.perceiver.layers[-1][0].fn
    kept = {}
    hooks = [
        last.to_q.register_forward_hook(lambda *a: kept.__setitem__("q", a[2])),
        last.to_kv.register_forward_hook(lambda *a: kept.__setitem__("kv", a[2])),
        last.to_out.register_forward_pre_hook(lambda *a: kept.__setitem__("out", a[1][0])),
    ]
    with torch.no_grad():
        features = encoder.encode_image(batch)
        run = {name: tensor.double() for name, tensor in kept.items()}
        maps = encoder.attention_map(batch)
    for hook in hooks:
        hook.remove()
    total, values = 0, []
    for head in range(HEADS):
        own = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
        keys = run["kv"][..., : HEADS * HEAD_DIM][..., own]
        scores = torch.einsum("bmd,bnd->bmn", run["q"][..., own], keys) / HEAD_DIM**0.5
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        total = total + weights / HEADS
        values.append(weights @ run["kv"][..., HEADS * HEAD_DIM :][..., own])
    torch.testing.assert_close(torch.cat(values, -1), run["out"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(total.sum(-1), torch.ones_like(total[..., 0]))
    patches = total.mean(1)[:, 1:].reshape(3, *features.grid.shape[2:])
    torch.testing.assert_close(maps.double(), patches, rtol=1e-3, atol=1e-7)
    assert (maps.sum((1, 2)) < 1).all(), "the CLS token gets a share"
    assert maps.max() > 2 * maps.mean()


def test_rows_of_attention_sum_to_one(encoder):
    generator = torch.Generator().manual_seed(2)
    latents, data = (torch.randn(2, n, encoder.pooled_dim, generator=generator) for n in (6, 9))
    with torch.no_grad():
        weights = encoder.perceiver.attention(latents, data)
    assert weights.shape == (2, 6, 9)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 6))


def test_attention_depends_on_the_context(encoder, batch):
    with torch.no_grad():
        told = encoder.attention_map(batch)
        untold = encoder.attention_map(ImageBatch(batch.pixels, view=batch.view))
    assert not torch.allclose(told[0], untold[0], rtol=1e-2)
    torch.testing.assert_close(told[1], untold[1])


def test_a_sentence_has_one_map_whatever_else_is_said(encoder, batch):
    with torch.no_grad():
        maps = encoder.gaze_maps(batch, [SAID, [], SAID[:1]])
        alone = encoder.gaze_maps(ImageBatch(batch.pixels[:1], view=["PA"]), [[SAID[1]]])
    assert [tuple(each.shape[:1]) for each in maps] == [(3,), (0,), (1,)]
    for each in maps:
        torch.testing.assert_close(each.sum((1, 2)), torch.ones(len(each)))
    torch.testing.assert_close(maps[0][1], alone[0][0], rtol=1e-3, atol=1e-6)
    assert not torch.allclose(maps[0][0], maps[0][1], rtol=1e-2)


def test_gaze_is_the_softmax_of_the_cosines(encoder, batch):
    with torch.no_grad():
        found = encoder.gaze_maps(batch, [SAID[:2], [], []])[0].double()
        tokens = encoder.tokenizer([transcript_text(text) for text in SAID[:2]])
        words = encoder.text_tokens(tokens)[:, 0].double()
        grid = encoder.encode_image(batch).grid[0].double()
    cosine = torch.einsum("sd,dhw->shw", words, grid)
    cosine = cosine / words.norm(dim=1)[:, None, None] / grid.norm(dim=0)
    scores = (encoder.logit_scale_gaze.exp().double() * cosine).exp()
    torch.testing.assert_close(
        found, scores / scores.sum((1, 2), keepdim=True), rtol=1e-3, atol=1e-7
    )


def test_through_the_grid_the_features_are_the_same(encoder, batch):
    plain, through = encoder.encode_image(batch), encoder.encode_through_grid(batch)
    for name in ("pooled", "grid", "latents"):
        torch.testing.assert_close(getattr(through, name), getattr(plain, name))
    (slope,) = torch.autograd.grad(through.pooled[0].sum(), through.grid)
    assert slope[0].abs().max() > 0
    assert slope[1:].abs().max() == 0
