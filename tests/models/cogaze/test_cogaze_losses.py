"""The other losses: what they must do for any input, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from cxrbench_models.cogaze.losses import labels
from cxrbench_models.cogaze.losses.contrastive import contrastive_loss
from hypothesis import given, settings
from hypothesis import strategies as st

studies = st.lists(st.integers(0, 4), min_size=2, max_size=10)


def pairs(size, seed=0):
    made = torch.Generator().manual_seed(seed)
    return torch.randn(2, size, 6, generator=made, dtype=torch.float64).unbind(0)


def one_by_one(images, reports, scale, groups):
    """Minus the mean log-probability of each anchor's positives, in both directions."""
    total = 0.0
    for anchors, others in ((images, reports), (reports, images)):
        for i, anchor in enumerate(anchors):
            logits = [float(scale * torch.cosine_similarity(anchor, o, dim=0)) for o in others]
            norm = math.log(sum(map(math.exp, logits)))
            mine = [value - norm for value, g in zip(logits, groups, strict=True) if g == groups[i]]
            total -= sum(mine) / len(mine)
    return total / (2 * len(groups))


@given(studies, st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_contrastive_is_the_mean_over_anchors_and_their_positives(groups, seed):
    images, reports = pairs(len(groups), seed)
    found = contrastive_loss(images, reports, torch.tensor(1.2).double(), torch.tensor(groups))
    assert float(found) == pytest.approx(one_by_one(images, reports, math.exp(1.2), groups))


@given(studies, st.integers(0, 1000), st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_contrastive_knows_no_order_and_no_length(groups, seed, length):
    (images, reports), group = pairs(len(groups), seed), torch.tensor(groups)
    scale, order = torch.tensor(2.0).double(), torch.randperm(len(groups))
    expected = float(contrastive_loss(images, reports, scale, group))
    found = contrastive_loss(length * images[order], reports[order] / length, scale, group[order])
    assert float(found) == pytest.approx(expected)
    renamed = contrastive_loss(images, reports, scale, 7 * group - 3)
    assert float(renamed) == pytest.approx(expected)


@pytest.mark.parametrize("positives", ["hybrid", "single"])
def test_contrastive_gradients(positives):
    images, reports = pairs(5)
    arguments = [images, reports, torch.tensor(0.8).double()]
    group = torch.tensor([3, 1, 3, 2, 1])
    assert torch.autograd.gradcheck(
        lambda i, r, s: contrastive_loss(i, r, s, group, positives=positives),
        [a.requires_grad_() for a in arguments],
    )


def test_contrastive_is_exact_under_autocast():
    images, reports = (x.float() for x in pairs(6))
    group, scale = torch.arange(6), torch.tensor(2.6)
    expected = contrastive_loss(images, reports, scale, group)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(contrastive_loss(images, reports, scale, group)) == float(expected)
        assert contrastive_loss(images.bfloat16(), reports, scale, group).dtype == torch.float32


def test_class_weights_favour_the_rare_and_survive_a_class_without_any():
    weights = labels.class_weights([10, 100, 100_000])
    assert weights.dtype == torch.float32
    assert float(weights.sum()) == pytest.approx(3)
    assert weights.tolist() == sorted(weights.tolist(), reverse=True)
    # Figures of a small case, computed from the published formula.
    expected = [0.2316591, 0.4621624, 2.3061786]
    assert labels.class_weights(torch.tensor([100, 50, 10])).tolist() == pytest.approx(expected)
    assert labels.class_weights([0, 50]).tolist() == labels.class_weights([1, 50]).tolist()


def test_unknown_labels_count_neither_in_the_sum_nor_in_the_mean():
    logits, targets = torch.randn(4, 3), torch.tensor([[1.0, 0, 1]] * 4)
    targets[2] = torch.nan
    targets[0, 1] = torch.nan
    known = ~targets.isnan()
    weights = torch.tensor([0.5, 1.0, 1.5])
    own = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, targets.nan_to_num(), reduction="none"
    )
    expected = (own * weights)[known].mean()
    assert float(labels.weighted_bce(logits, targets, weights)) == pytest.approx(float(expected))
    assert float(labels.focal(logits, targets, weights, 0.0)) == pytest.approx(float(expected))
    assert float(labels.focal(logits, torch.full((4, 3), torch.nan), weights, 2.0)) == 0


@pytest.mark.parametrize("gamma", [0.0, 0.2, 2.0])
def test_gradients_of_the_label_losses(gamma):
    logits = torch.tensor([[0.3, -1.2, 2.0], [-0.4, 0.9, -3.0]], requires_grad=True)
    targets, weights = torch.tensor([[1.0, 0, 1], [0, 0, 1]]), torch.tensor([0.7, 0.8, 1.5])
    labels.focal(logits, targets, weights, gamma).backward()
    step = 1e-6
    for place in ((0, 0), (0, 1), (1, 2)):
        x, t, w = (float(v.detach()[place]) for v in (logits, targets, weights.expand(2, 3)))
        expected = (entry(x + step, t, gamma) - entry(x - step, t, gamma)) / (2 * step) * w / 6
        assert float(logits.grad[place]) == pytest.approx(expected, rel=1e-4)


def entry(x, t, gamma):
    """Focal loss of one logit, in double precision."""
    right = 1 / (1 + math.exp(-x if t == 1 else x))
    return -((1 - right) ** gamma) * math.log(right)
