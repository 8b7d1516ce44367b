"""Schedules and optimisers as recipes name them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from cxrbench.training.optimizers import by_step, make_optimizer
from cxrbench.training.schedules import cosine, unclamped_cosine


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (0, 0.0), (25, 0.5), (50, 1.0), (50 + 2950 // 2, 0.5), (3000, 0.0),
        (3000 + 2950 // 2, 0.5), (3000 + 2950, 1.0), (3000 + 2 * 2950, 0.0),
    ],
)  # fmt: skip
def test_warm_up_then_a_cosine_that_comes_back(step, factor):
    assert unclamped_cosine(step, warmup=50, total=3000) == pytest.approx(factor, abs=1e-9)


def test_it_climbs_after_its_end():
    factors = [unclamped_cosine(step, 10, 110) for step in range(110, 210)]
    assert factors == sorted(factors)
    assert factors[-1] > 0.99


def test_without_warm_up_it_starts_at_the_base_rate():
    assert unclamped_cosine(0, 0, 100) == 1
    assert unclamped_cosine(25, 0, 100) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_the_clamped_cosine_ends_and_is_the_same_until_then():
    assert [cosine(step, 5, 50) for step in range(50)] == [
        unclamped_cosine(step, 5, 50) for step in range(50)
    ]
    assert {cosine(step, 5, 50) for step in range(50, 200)} == {0.0}


def test_every_group_follows_by_step():
    encoder, head = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = make_optimizer(
        "sgd", [(encoder.parameters(), 0.1), (head.parameters(), 1.0)], weight_decay=0, momentum=0.9
    )
    configured = by_step(optimizer, "unclamped-cosine", 2, 6)
    assert configured["lr_scheduler"]["interval"] == "step"
    scheduler = configured["lr_scheduler"]["scheduler"]
    seen = []
    for _ in range(8):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    expected = [unclamped_cosine(step, 2, 6) for step in range(8)]
    assert [head for _, head in seen] == pytest.approx(expected)
    assert [encoder for encoder, _ in seen] == pytest.approx([0.1 * f for f in expected])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)],
)
def test_optimisers_by_name_leave_frozen_parameters_out(name, kind):
    frozen = nn.Linear(2, 2).requires_grad_(False)
    half = nn.Linear(2, 2)
    half.bias.requires_grad_(False)
    optimizer = make_optimizer(
        name, [(frozen.parameters(), 0.1), (half.parameters(), 0.5)], weight_decay=0.3, momentum=0.8
    )
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(half.weight)]
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.3)
    assert group.get("momentum") == (0.8 if name == "sgd" else None)
