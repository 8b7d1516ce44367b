"""Losses and heads of masks: shapes, options, and formulae written anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cxrbench.training.latent_mixing import LatentMixingHead
from cxrbench.training.loading import StreamSampler
from cxrbench.training.mask_losses import (
    cross_entropy,
    focal_and_batch_dice,
    focal_and_image_dice,
)
from cxrbench.training.pyramid import rescaled, taps
from cxrbench.training.schedules import warmup_linear


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(logits, masks, per_image):
    """Both losses in NumPy, pixel by pixel."""
    z, t = logits.double().numpy(), masks.double().numpy()
    p = 1 / (1 + np.exp(-z))
    right = np.where(t == 1, p, 1 - p)
    pixels = np.mean((1 - right) ** 2 * -np.log(right))
    dices = []
    for a, b in zip(p, t, strict=True) if per_image else [(p, t)]:
        if per_image and b.sum() == 0:
            dices.append(np.mean(1 - a))
        else:
            dices.append((2 * (a * b).sum() + 1) / (a.sum() + b.sum() + 1))
    return 10 * pixels - np.log(np.mean(dices) + 1e-8)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_losses_against_their_formulae(seed):
    logits, masks = draws(4, 5, 6, seed=seed), (draws(4, 5, 6, seed=seed + 1) > 1).float()
    masks[1] = 0
    for loss, per_image in ((focal_and_batch_dice, False), (focal_and_image_dice, True)):
        assert float(loss(logits, masks)) == pytest.approx(
            by_hand(logits, masks, per_image), rel=1e-4
        )


def test_the_difference_of_two_logits_has_the_cross_entropy_of_their_softmax():
    both, masks = draws(2, 2, 4, 5), draws(2, 4, 5, seed=1) > 0
    expected = F.cross_entropy(both, masks.long())
    assert float(cross_entropy(both[:, 1] - both[:, 0], masks)) == pytest.approx(float(expected))


def test_masks_of_other_types_and_half_precision_do():
    logits, masks = torch.randn(2, 5, 5), torch.rand(2, 5, 5) > 0.7
    for loss in (focal_and_batch_dice, focal_and_image_dice, cross_entropy):
        expected = float(loss(logits, masks.float()))
        assert float(loss(logits, masks)) == pytest.approx(expected)
        assert float(loss(logits.half(), masks.to(torch.uint8))) == pytest.approx(
            expected, rel=1e-2
        )


def test_a_mask_has_the_size_of_the_image_and_lies_as_the_patches_do():
    head = LatentMixingHead(6, 4, (5, 5), (40, 40), (8, 4)).eval()
    latents, patches = draws(2, 4, 6), draws(2, 25, 6, seed=1)
    with torch.no_grad():
        before = head(latents, patches)
        patches[0, 5 * 4 + 1] = 5 * draws(6, seed=3)  # the patch in the last row, second column
        after = head(latents, patches)
    assert before.shape == (2, 1, 40, 40)
    changed = (after - before).abs()[0, 0] > 1e-5
    # The two convolutions and the interpolations carry it this far, and no further.
    assert changed[30:, 3:20].all() and not changed[:13].any() and not changed[:, 35:].any()
    assert torch.equal(before[1], after[1])


def test_without_latents_the_head_is_the_same_less_its_first_convolution():
    head = LatentMixingHead(6, 0, (3, 5), (24, 40), (8, 4)).eval()
    whole = LatentMixingHead(6, 4, (3, 5), (24, 40), (8, 4)).eval()
    assert set(whole.state_dict()) - set(head.state_dict()) == {
        "token_expand.weight", "token_expand.bias",
    }  # fmt: skip
    whole.load_state_dict(head.state_dict(), strict=False)
    with torch.no_grad():
        for tensor in whole.token_expand.parameters():
            tensor.zero_()
        patches = draws(2, 15, 6)
        assert torch.equal(head(None, patches), whole(draws(2, 4, 6), patches))
        assert head(None, patches).shape == (2, 1, 24, 40)


def test_warm_up_then_a_straight_line_to_zero():
    factors = [warmup_linear(step, 4, 10) for step in range(13)]
    expected = [1e-6, 0.25, 0.5, 0.75, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0, 0, 0]
    np.testing.assert_allclose(factors, expected, atol=1e-6)
    assert warmup_linear(0, 0, 5) == 1


def test_a_stream_goes_through_all_samples_again_and_again():
    sampler = StreamSampler(7, 3, seed=4, batches=5)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
        assert len(epochs[-1]) == len(sampler) == 5
    drawn = [place for epoch in epochs for batch in epoch for place in batch]
    assert all(len(batch) == 3 for epoch in epochs for batch in epoch)
    for turn in range(6):
        own = drawn[turn * 7 : turn * 7 + 7]
        assert {t for _, t in own} == {turn}
        assert sorted(position for position, _ in own) == list(range(7))
    assert drawn[:7] != [(p, 0) for p, _ in drawn[7:14]], "shuffled anew"
    # A resumed epoch goes on where it stopped.
    sampler.set_epoch(1)
    sampler.start = 3
    assert list(sampler) == epochs[1][3:]
    assert list(sampler) == epochs[1]


def test_maps_are_made_four_sizes():
    maps = rescaled([draws(2, 3, 8, 6)] * 4)
    assert [tuple(m.shape[2:]) for m in maps] == [(32, 24), (16, 12), (8, 6), (4, 3)]
    assert torch.equal(maps[2], draws(2, 3, 8, 6))


@pytest.mark.parametrize(
    ("blocks", "read"),
    [(12, [4, 6, 8, 12]), (11, [4, 6, 8, 11]), (24, [8, 12, 16, 24]), (6, [2, 3, 4, 6]),
     (1, [1, 1, 1, 1])],
)  # fmt: skip
def test_the_blocks_that_a_vision_transformer_is_read_after(blocks, read):
    assert taps(blocks) == read


def test_a_pass_of_the_stream_is_shuffled_once_and_not_for_every_batch(monkeypatch):
    shuffled = []
    original = StreamSampler._order
    monkeypatch.setattr(
        StreamSampler, "_order", lambda self, turn: shuffled.append(turn) or original(self, turn)
    )
    found = list(StreamSampler(10, 4, seed=0, batches=5))
    assert shuffled == [0, 1]
    flat = [position for batch in found for position, _ in batch]
    assert sorted(flat[:10]) == sorted(flat[10:]) == list(range(10))
