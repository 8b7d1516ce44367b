"""A module whose epoch is chosen by one monitored value, as all downstream training does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer

from cxrbench.training.resumable import Plateau, ResumableModule

MONITOR = "select"


class SelectedModule(ResumableModule):
    """Keeps the losses of an epoch and ends it with a line of the history.

    Attributes:
        history: One entry a validated epoch: epoch, training loss, monitored value, rate.
    """

    monitor = MONITOR
    mode = "max"

    def __init__(
        self, seed: int, optimizers: Callable[[], OptimizerLRScheduler], plateau: Plateau | None
    ) -> None:
        """Train with an optimiser that is made when training starts.

        Args:
            seed: Decides all randomness.
            optimizers: To the optimiser and its schedule by step, if any.
            plateau: The optimiser to a schedule that follows the monitored value, if any.
        """
        super().__init__(seed)
        self._optimizers = optimizers
        self._make_plateau = plateau
        self._losses: list[float] = []

    def keep_loss(self, loss: Tensor) -> None:
        """Remember the loss of a batch for the mean of the epoch."""
        self._losses.append(float(loss.detach()))

    def end_epoch(self, value: float) -> None:
        """Log the monitored value and add a line to the history; what is not finite is worst."""
        value = value if math.isfinite(value) else -math.inf
        self.log(MONITOR, value)
        self.add_to_history(
            {
                "train_loss": float(np.mean(self._losses)) if self._losses else math.nan,
                MONITOR: value,
                "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            }
        )
        self._losses.clear()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """As the recipe says."""
        configured = self._optimizers()
        if self._make_plateau is not None and isinstance(configured, Optimizer):
            self.use_plateau(self._make_plateau, configured)
        return configured

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the losses of the epoch."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["losses"] = self._losses

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them up again."""
        super().on_load_checkpoint(checkpoint)
        self._losses = list(checkpoint["losses"])
