"""How a module computes: evaluation mode for a while, gradients without kept activations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from transformers import PreTrainedModel

from cxrbench.errors import BadRequest


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for as long as the context lasts."""
    training = {child: child.training for child in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for child, mode in training.items():
            child.training = mode


def checkpoint_gradients(model: PreTrainedModel) -> None:
    """Compute the layers again for the gradients instead of keeping what they computed.

    In training mode only; loss and gradients stay the same (arXiv 1604.06174).

    Raises:
        BadRequest: When the model cannot.
    """
    # Its name in transformers 6, and in the earlier versions of transformers 5.
    names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")
    enable = next(getattr(model, name) for name in names if hasattr(model, name))
    try:
        enable({"use_reentrant": False})
    except ValueError as error:
        raise BadRequest(
            f"{type(model).__name__} keeps what its layers computed",
            why=" ".join(str(error).split()),
            fix="leave gradient checkpointing out",
        ) from error
