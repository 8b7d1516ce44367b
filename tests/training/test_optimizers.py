"""Optimisers: fused where torch can, and usable by the loop in every precision."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import nn

from cxrbench.training.optimizers import make_optimizer


def made(name, parameters):
    return make_optimizer(name, [(parameters, 0.1)], weight_decay=0.05, momentum=0.9)


@pytest.mark.parametrize("name", ["adamw", "adam"])
def test_adam_is_fused_and_steps_as_the_plain_one(name):
    torch.manual_seed(0)
    start, gradients = torch.randn(7, 5), torch.randn(4, 7, 5)
    own, plain = (nn.Parameter(start.clone()) for _ in range(2))
    reference = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[name]
    optimizers = [
        (own, made(name, [own])),
        (plain, reference([plain], lr=0.1, weight_decay=0.05, foreach=False, fused=False)),
    ]
    assert optimizers[0][1].param_groups[0]["fused"] is True
    for parameter, optimizer in optimizers:
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(own, plain, rtol=1e-6, atol=1e-6)


def test_what_torch_cannot_fuse_is_not_fused():
    outline = nn.Parameter(torch.zeros(2, device="meta"))
    assert not made("adamw", [outline]).param_groups[0].get("fused")
    assert not made("sgd", [nn.Parameter(torch.zeros(2))]).param_groups[0].get("fused")


def test_gradients_can_be_clipped_in_mixed_precision():
    parameter = nn.Parameter(torch.zeros(2))
    optimizer = made("adamw", [parameter])
    parameter.grad = torch.full((2,), 3.0)
    MixedPrecision("bf16-mixed", "cpu").clip_gradients(optimizer, clip_val=1.0)
    assert parameter.grad.norm() == pytest.approx(1.0, rel=1e-4)
