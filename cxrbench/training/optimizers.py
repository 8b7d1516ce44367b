"""Optimisers and schedules as recipes name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from cxrbench.training.schedules import cosine, unclamped_cosine, warmup_linear

_OPTIMIZERS: dict[str, Any] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
_BY_STEP: dict[str, Callable[..., float]] = {
    "cosine": cosine,
    "unclamped-cosine": unclamped_cosine,
    "warmup-linear": warmup_linear,
}
_FUSED = {"adamw", "adam"}
_FUSED_DEVICES = {"cpu", "cuda"}


def make_optimizer(
    name: str,
    groups: Iterable[tuple[Iterable[nn.Parameter], float]],
    *,
    weight_decay: float,
    momentum: float,
    amsgrad: bool = False,
) -> torch.optim.Optimizer:
    """An optimiser over (parameters, learning rate) groups; frozen parameters are left out.

    Adam and AdamW take their step in one pass over the parameters where torch can, which is
    several times as fast.
    """
    trainable = [([p for p in group if p.requires_grad], rate) for group, rate in groups]
    options = [{"params": params, "lr": rate} for params, rate in trainable if params]
    extra: dict[str, Any] = {"momentum": momentum} if name == "sgd" else {"amsgrad": amsgrad}
    fused = name in _FUSED and _can_fuse([p for params, _ in trainable for p in params])
    if fused:
        extra["fused"] = True
    optimizer: torch.optim.Optimizer = _OPTIMIZERS[name](
        options, weight_decay=weight_decay, **extra
    )
    if fused:
        # Else Lightning refuses to clip gradients in mixed precision: a fused step would undo the
        # scaling of float16 by itself. Without the mark the scaler does so, before the clipping.
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in _FUSED_DEVICES for p in parameters)


def by_step(
    optimizer: torch.optim.Optimizer, schedule: str, warmup: int, total: int
) -> OptimizerLRScheduler:
    """The optimiser with a schedule of its steps; alone where the schedule is none of these."""
    if schedule not in _BY_STEP:
        return optimizer
    scheduler = LambdaLR(optimizer, partial(_BY_STEP[schedule], warmup=warmup, total=total))
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }
