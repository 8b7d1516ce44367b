"""The Lightning module that fine-tunes an encoder with a classification head."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from cxrbench.encoder import ImageEncoder
from cxrbench.training.loading import LabelledBatch
from cxrbench.training.resumable import Plateau
from cxrbench.training.selected import SelectedModule

Scores = npt.NDArray[np.float64]


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


class FineTuner(SelectedModule):
    """Encoder and head, trained together."""

    def __init__(self, encoder: nn.Module, head: nn.Module, recipe: Recipe, seed: int) -> None:
        """Join an encoder that is an `ImageEncoder` with its head."""
        super().__init__(seed, lambda: recipe.optimizers(self), recipe.plateau)
        self.encoder = encoder
        self.head = head
        self._recipe = recipe
        self._scores: list[Tensor] = []

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
        self.keep_loss(loss)
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Keep the scores; they are judged together."""
        if self.current_epoch + 1 >= self._recipe.first_validation:
            self._scores.append(self.probabilities(batch).cpu())

    def on_validation_epoch_end(self) -> None:
        """Judge all scores of the epoch."""
        value = -math.inf
        if self._scores:
            value = self._recipe.monitor(torch.cat(self._scores).numpy().astype(np.float64))
        self._scores.clear()
        self.end_epoch(value)
