"""The Lightning module that fine-tunes an encoder with a classification head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from cxrbench.encoder import ImageEncoder
from cxrbench.training.loading import LabelledBatch
from cxrbench.training.resumable import Plateau, ResumableModule

Scores = npt.NDArray[np.float64]

MONITOR = "select"


@dataclass(frozen=True)
class Recipe:
    """What the module needs to know; made by a runner from its protocol.

    Attributes:
        loss: Logits as the head gives them and labels (B×C) to a scalar.
        monitor: Probabilities and labels (N×C, in order) to the value selection looks at.
        optimizers: The module to its optimiser and its schedule by step, if any.
        plateau: The optimiser to a schedule that follows the monitored value, if any.
        first_validation: Epoch, counted from 1, before which validation is left out.
        probabilities: Logits as the head gives them to B×C probabilities.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    monitor: Callable[[Scores], float]
    optimizers: Callable[[FineTuner], OptimizerLRScheduler]
    plateau: Plateau | None = None
    first_validation: int = 1
    probabilities: Callable[[Tensor], Tensor] = torch.sigmoid


class FineTuner(ResumableModule):
    """Encoder and head, trained together.

    Attributes:
        history: One entry a validated epoch: epoch, training loss, monitored value, rate.
    """

    monitor = MONITOR
    mode = "max"

    def __init__(self, encoder: nn.Module, head: nn.Module, recipe: Recipe, seed: int) -> None:
        """Join an encoder that is an `ImageEncoder` with its head."""
        super().__init__(seed)
        self.encoder = encoder
        self.head = head
        self._recipe = recipe
        self._scores: list[Tensor] = []
        self._losses: list[float] = []

    def logits(self, batch: LabelledBatch) -> Tensor:
        """The logits that the head gives for B images."""
        encoder: ImageEncoder = self.encoder  # type: ignore[assignment]
        features: Tensor = self.head(encoder.encode_image(batch.images).pooled)
        return features

    def probabilities(self, batch: LabelledBatch) -> Tensor:
        """B×C float32 probabilities."""
        return self._recipe.probabilities(self.logits(batch).float())

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        loss = self._recipe.loss(self.logits(batch), batch.labels)
        self._losses.append(float(loss.detach()))
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Keep the scores; they are judged together."""
        if self.current_epoch + 1 >= self._recipe.first_validation:
            self._scores.append(self.probabilities(batch).cpu())

    def on_validation_epoch_end(self) -> None:
        """Log the monitored value and add a line to the history."""
        value = -float("inf")
        if self._scores:
            scores = torch.cat(self._scores).numpy().astype(np.float64)
            value = self._recipe.monitor(scores)
            value = value if np.isfinite(value) else -float("inf")
        self._scores.clear()
        self.log(MONITOR, value)
        self.add_to_history(
            {
                "train_loss": float(np.mean(self._losses)) if self._losses else float("nan"),
                MONITOR: value,
                "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            }
        )
        self._losses.clear()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """As the recipe says."""
        configured = self._recipe.optimizers(self)
        if self._recipe.plateau is not None and isinstance(configured, Optimizer):
            self.use_plateau(self._recipe.plateau, configured)
        return configured

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the losses of the epoch."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["losses"] = self._losses

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them up again."""
        super().on_load_checkpoint(checkpoint)
        self._losses = list(checkpoint["losses"])
