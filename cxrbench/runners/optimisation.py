"""The optimiser and the schedule of a recipe."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cxrbench.runners.recipe import Optimizer, Schedule
from cxrbench.training.optimizers import by_step, make_optimizer
from cxrbench.training.resumable import Plateau


def configured(
    settings: Optimizer, schedule: Schedule, encoder: nn.Module | None, head: nn.Module
) -> OptimizerLRScheduler:
    """The optimiser of an encoder, None where it is frozen, and its head, with what goes by step.

    The head learns at the rate of the encoder times the multiplier of the recipe.
    """
    groups: list[tuple[Iterable[nn.Parameter], float]] = [
        (head.parameters(), settings.lr * settings.head_lr_multiplier)
    ]
    if encoder is not None:
        groups.insert(0, (encoder.parameters(), settings.lr))
    optimizer = make_optimizer(
        settings.name, groups, weight_decay=settings.weight_decay, momentum=settings.momentum
    )
    return by_step(optimizer, schedule.name, schedule.warmup_steps, schedule.total_steps)


def plateau_of(schedule: Schedule) -> Plateau | None:
    """What makes the schedule that follows the monitored value; None where it is another one."""
    if schedule.name != "plateau":
        return None
    return partial(
        ReduceLROnPlateau, mode="max", factor=schedule.factor, patience=schedule.patience
    )
