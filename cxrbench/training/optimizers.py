"""Optimisers and schedules as recipes name them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from cxrbench.training.schedules import unclamped_cosine

_OPTIMIZERS: dict[str, Any] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


def make_optimizer(
    name: str,
    groups: Iterable[tuple[Iterable[nn.Parameter], float]],
    *,
    weight_decay: float,
    momentum: float,
) -> torch.optim.Optimizer:
    """An optimiser over (parameters, learning rate) groups; frozen parameters are left out."""
    trainable = [([p for p in group if p.requires_grad], rate) for group, rate in groups]
    options = [{"params": params, "lr": rate} for params, rate in trainable if params]
    extra = {"momentum": momentum} if name == "sgd" else {}
    optimizer: torch.optim.Optimizer = _OPTIMIZERS[name](
        options, weight_decay=weight_decay, **extra
    )
    return optimizer


def with_unclamped_cosine(
    optimizer: torch.optim.Optimizer, warmup: int, total: int
) -> OptimizerLRScheduler:
    """Warm up, then follow the cosine by optimiser step."""
    scheduler = LambdaLR(optimizer, partial(unclamped_cosine, warmup=warmup, total=total))
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }
