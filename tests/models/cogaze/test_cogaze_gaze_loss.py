"""Gaze guidance: what it must do for any input, against a loop over rows and checked gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from cxrbench_models.cogaze.losses.gaze import (
    PAPER,
    gaze_loss,
    image_gaze_losses,
    keep_largest,
    predicted_heat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("jsd", "mse", "iou", "mask")
MOST = {"jsd": math.log(2), "mask": math.log(2), "mse": 2.0, "iou": 1.0}
# How many transcripts, patches; the rest follows from the seed.
sizes = st.tuples(st.integers(1, 9), st.integers(2, 30))
seeds = st.integers(0, 2**20)
rhos = st.sampled_from([None, 0.1, 0.25, 0.5, 1.0])


def drawn(size, seed, empty=0.4):
    """Logits and heat of different values, with cells nobody looked at."""
    rng = np.random.default_rng(seed)
    heat = (rng.permutation(size[0] * size[1]).reshape(size) + 1) / (size[0] * size[1])
    heat = heat * (rng.random(size) > empty)
    return torch.from_numpy(3 * rng.normal(size=size)), torch.from_numpy(heat)


def distance(p, q, kind):
    """Of two distributions, by the textbook."""
    if kind == "mse":
        return sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
    if kind == "iou":
        pairs = list(zip(p, q, strict=True))
        return 1 - sum(map(min, pairs)) / sum(map(max, pairs))
    found = 0.0
    for a, b in zip(p, q, strict=True):
        middle = (a + b) / 2
        found += 0.5 * a * math.log(a / middle) if a > 0 else 0.0
        found += 0.5 * b * math.log(b / middle) if b > 0 else 0.0
    return found


def by_rows(logits, heat, rho, kind):
    """Mean over rows, one row and one cell after the other."""
    values = []
    for row, hot in zip(logits.tolist(), heat.tolist(), strict=True):
        cells = sorted((cell for cell, value in enumerate(hot) if value > 0), key=lambda c: -hot[c])
        if not cells:
            continue
        kept = cells if rho is None else cells[: max(1, int(rho * len(cells)))]
        mass = {cell: 1.0 if kind == "mask" else hot[cell] for cell in kept}
        target = [mass.get(cell, 0.0) / sum(mass.values()) for cell in range(len(hot))]
        powers = [math.exp(value - max(row)) for value in row]
        values.append(distance(target, [power / sum(powers) for power in powers], kind))
    return sum(values) / len(values) if values else 0.0


@given(sizes, seeds, rhos, st.sampled_from(KINDS))
@settings(max_examples=80, deadline=None)
def test_it_is_what_a_loop_over_rows_computes(size, seed, rho, kind):
    logits, heat = drawn(size, seed)
    forth, back = by_rows(logits, heat, rho, kind), by_rows(logits.T, heat.T, rho, kind)
    found = float(gaze_loss(logits, heat, rho=rho, weights=PAPER, kind=kind))
    assert found == pytest.approx(0.8 * forth + 0.2 * back, abs=2e-6)
    assert -1e-6 <= found <= MOST[kind] + 1e-6


@given(sizes, seeds, rhos, st.sampled_from(KINDS))
@settings(max_examples=40, deadline=None)
def test_order_and_unit_of_the_heat_do_not_matter(size, seed, rho, kind):
    logits, heat = drawn(size, seed)
    expected = float(gaze_loss(logits, heat, rho=rho, kind=kind))
    rows, cells = torch.randperm(size[0]), torch.randperm(size[1])
    shuffled = gaze_loss(logits[rows][:, cells], heat[rows][:, cells], rho=rho, kind=kind)
    assert float(shuffled) == pytest.approx(expected, abs=1e-6)
    assert float(gaze_loss(logits, 1000 * heat, rho=rho, kind=kind)) == pytest.approx(
        expected, abs=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_nobody_looked_during_says_nothing_of_the_patches(kind):
    logits, heat = drawn((4, 12), 3, empty=0.2)
    longer = torch.cat([logits, torch.randn(1, 12)]), torch.cat([heat, torch.zeros(1, 12)])
    forth = {"weights": (1.0, 0.0), "kind": kind}
    assert float(gaze_loss(*longer, **forth)) == pytest.approx(
        float(gaze_loss(logits, heat, **forth))
    )
    logits = logits.requires_grad_()
    nothing = gaze_loss(logits, torch.zeros(4, 12), kind=kind)
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert float(logits.grad.abs().max()) == 0


def test_a_prediction_equal_to_the_target_costs_nothing_and_its_opposite_the_most():
    _, heat = drawn((3, 16), 5)
    for kind in ("jsd", "mse", "iou"):
        forth = {"rho": None, "weights": (1.0, 0.0), "kind": kind}
        assert float(gaze_loss((heat + 1e-30).log(), heat, **forth)) == pytest.approx(0, abs=1e-5)
    opposite = torch.where(heat > 0, -60.0, 0.0)
    for kind in ("jsd", "iou", "mask"):
        forth = {"rho": None, "weights": (1.0, 0.0), "kind": kind}
        assert float(gaze_loss(opposite, heat, **forth)) == pytest.approx(MOST[kind], abs=1e-5)


def test_the_largest_cells_are_kept_and_of_equal_ones_the_first():
    heat = torch.tensor([[0.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1e-9, 0.0]])
    assert keep_largest(heat, 0.4).tolist() == [[0, 2, 0, 2, 0, 0, 0, 0]]  # 2 of 5
    assert keep_largest(heat, 0.01).tolist() == [[0, 2, 0, 0, 0, 0, 0, 0]]
    assert keep_largest(heat, None).tolist() == [[0, 2, 1, 2, 1, 2, 0, 0]]
    flat = keep_largest(torch.ones(3, 1369), 0.25)
    assert flat[:, :342].all()
    assert not flat[:, 342:].any()
    many = torch.arange(1.0, 91.0)[None]
    assert int((keep_largest(many, 0.7) > 0).sum()) == int(0.7 * 90) == 62, "not 63 by float32"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), seeds, rhos, st.sampled_from(KINDS))
@settings(max_examples=40, deadline=None)
def test_a_batch_is_the_mean_of_its_images(owners, seed, rho, kind):
    torch.manual_seed(seed)
    patches, transcripts = torch.randn(5, 10, 6), torch.randn(len(owners), 6)
    _, heat = drawn((len(owners), 10), seed)
    scale, chosen = torch.tensor(1.5), {"rho": rho, "kind": kind}
    row = torch.tensor(owners)
    singles = []
    for image in sorted(set(owners)):
        said = transcripts[row == image]
        cosines = [[torch.cosine_similarity(t, p, dim=0) for p in patches[image]] for t in said]
        logits = 1.5 * torch.tensor(cosines)
        singles.append(float(gaze_loss(math.e**1.5 / 1.5 * logits, heat[row == image], **chosen)))
    losses = image_gaze_losses(patches, transcripts, heat, row, scale, **chosen)
    np.testing.assert_allclose(losses.numpy(), singles, atol=2e-5)
    mixed = torch.randperm(len(owners))
    again = image_gaze_losses(patches, transcripts[mixed], heat[mixed], row[mixed], scale, **chosen)
    np.testing.assert_allclose(again.numpy(), singles, atol=2e-5)


def test_the_predicted_heat_is_what_the_guidance_compares():
    torch.manual_seed(4)
    patches, transcripts, scale = torch.randn(9, 5), 3 * torch.randn(3, 5), torch.tensor(0.7)
    predicted = predicted_heat(patches, transcripts, scale)
    assert predicted.sum(-1).tolist() == pytest.approx([1, 1, 1])
    _, heat = drawn((3, 9), 4)
    owners, forth = torch.zeros(3, dtype=torch.int64), {"weights": (1.0, 0.0)}
    (loss,) = image_gaze_losses(patches[None], transcripts, heat, owners, scale, **forth)
    assert float(loss) == pytest.approx(float(gaze_loss(predicted.log(), heat, **forth)), abs=1e-6)


def test_a_batch_without_gaze_costs_nothing_and_still_reaches_every_argument():
    patches, transcripts = torch.randn(2, 4, 3).requires_grad_(), torch.zeros(0, 3).requires_grad_()
    scale = torch.tensor(1.0, requires_grad=True)
    empty = torch.zeros(0, dtype=torch.int64)
    losses = image_gaze_losses(patches, transcripts, torch.zeros(0, 4), empty, scale)
    losses.sum().backward()
    assert losses.shape == (0,)
    assert float(patches.grad.abs().max()) == float(scale.grad) == 0
    assert transcripts.grad.shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rho", [None, 0.25])
def test_gradients(kind, rho):
    logits, heat = drawn((4, 9), 11)
    assert torch.autograd.gradcheck(
        lambda x: gaze_loss(x, heat, rho=rho, kind=kind), logits.requires_grad_()
    )
    torch.manual_seed(0)
    owners = torch.tensor([2, 0, 2, 2])  # of different numbers, so some rows are only padding
    arguments = [torch.randn(3, 9, 5), torch.randn(4, 5), torch.tensor(0.7)]
    assert torch.autograd.gradcheck(
        lambda p, t, s: image_gaze_losses(p, t, heat, owners, s, rho=rho, kind=kind),
        [a.double().requires_grad_() for a in arguments],
    )


def test_autocast_does_not_lower_the_precision():
    torch.manual_seed(1)
    patches, transcripts = torch.randn(2, 20, 32), torch.randn(3, 32)
    _, heat = drawn((3, 20), 2)
    owners, scale = torch.tensor([0, 1, 1]), torch.tensor(2.6)
    expected = image_gaze_losses(patches, transcripts, heat, owners, scale)
    with torch.autocast("cpu", torch.bfloat16):
        found = image_gaze_losses(patches, transcripts, heat, owners, scale)
        half = image_gaze_losses(patches.bfloat16(), transcripts.bfloat16(), heat, owners, scale)
    assert torch.equal(found, expected)
    assert half.dtype == torch.float32
    assert half.tolist() == pytest.approx(expected.tolist(), abs=5e-3)
