"""The optimiser and the schedule of a recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cxrbench.errors import BadRequest
from cxrbench.runners.recipe import Optimizer, Schedule
from cxrbench.training.optimizers import by_step, make_optimizer
from cxrbench.training.resumable import Plateau


def configured(
    settings: Optimizer, schedule: Schedule, encoder: nn.Module | None, head: nn.Module
) -> OptimizerLRScheduler:
    """The optimiser of an encoder, None where it is frozen, and its head, with what goes by step.

    The head learns at the rate of the encoder times the multiplier of the recipe, unless the
    recipe gives parameters rates of their own.
    """
    optimizer = make_optimizer(
        settings.name,
        _groups(settings, encoder, head),
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
        amsgrad=settings.amsgrad,
    )
    return by_step(optimizer, schedule.name, schedule.warmup_steps, schedule.total_steps)


def _groups(
    settings: Optimizer, encoder: nn.Module | None, head: nn.Module
) -> list[tuple[Iterable[nn.Parameter], float]]:
    """Parameters by rate: the rest of the encoder, the rest of the head, then those by name.

    Names are those of the encoder below `encoder.` and of the head below `head.`.

    Raises:
        BadRequest: When a pattern fits no parameter that is trained.
    """
    whole = {"encoder": encoder, "head": head}
    rates = {"encoder": settings.lr, "head": settings.lr * settings.head_lr_multiplier}
    found: dict[str, tuple[list[nn.Parameter], float]] = {
        part: ([], rates[part]) for part in whole if whole[part] is not None
    }
    for pattern, multiplier in settings.lr_multipliers.items():
        found[pattern] = [], settings.lr * multiplier
    for part, module in whole.items():
        for name, parameter in module.named_parameters(part) if module is not None else ():
            fitting = (p for p in settings.lr_multipliers if re.search(p, name))
            found[next(fitting, part)][0].append(parameter)
    for pattern in settings.lr_multipliers:
        if not any(parameter.requires_grad for parameter in found[pattern][0]):
            raise BadRequest(
                f"no trained parameter is called {pattern}",
                why="`lr_multipliers` of the recipe names it",
                fix="correct the pattern; names begin with `encoder.` or `head.`",
            )
    return list(found.values())


def plateau_of(schedule: Schedule) -> Plateau | None:
    """What makes the schedule that follows the monitored value; None where it is another one."""
    if schedule.name != "plateau":
        return None
    return partial(
        ReduceLROnPlateau,
        mode="max",
        factor=schedule.factor,
        patience=schedule.patience,
        min_lr=schedule.least,
    )
