"""Batches of training in parts that fit a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrbench.errors import BadRequest
from cxrbench.runners.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


def micro_batch(batch_size: int, accumulate: int, asked: int | None) -> int | None:
    """Samples at once, where that is asked for and is not the recipe's own number.

    Raises:
        BadRequest: When the images of an optimiser step cannot be made of such parts.
    """
    if asked is None or asked == batch_size:
        return None
    effective = batch_size * accumulate
    if effective % asked:
        raise BadRequest(
            f"--batch-size {asked} does not divide the recipe's batch",
            why=f"the protocol trains with {effective} images an optimiser step",
            fix=f"choose a divisor of {effective}; the rest is accumulated",
        )
    return asked


def notes_on_parts(
    micro: int | None, batch_size: int, module: nn.Module, loss_of_batch: bool = False
) -> list[str]:
    """What a reader should know of a training in parts: what saw a part in place of a batch.

    Args:
        micro: Images at once; None where that is the recipe's own number.
        batch_size: The recipe's own number.
        module: What is trained.
        loss_of_batch: Whether the loss is more than a mean over images.
    """
    if micro is None:
        return []
    # Torch is imported when something is run, not to plan it.
    from torch.nn.modules.batchnorm import _BatchNorm

    normalises = any(isinstance(part, _BatchNorm) for part in module.modules())
    seeing = [*(["batch norm"] if normalises else []), *(["the loss"] if loss_of_batch else [])]
    if not seeing:
        return []
    return [
        f"trained with --batch-size {micro}: {' and '.join(seeing)} saw {micro} images at once, "
        f"{batch_size} in the protocol, so the result is another one"
    ]


def encoded_at_once(recipe: Recipe, asked: int | None, usual: int) -> int:
    """Images at once outside training: `usual`, unless the recipe or the user says otherwise."""
    return 1 if recipe.one_at_a_time else asked or usual
