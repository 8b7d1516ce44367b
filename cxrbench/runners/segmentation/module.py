"""The Lightning module: a decoder, and the encoder below it, frozen or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from cxrbench.metrics.masks import MaskInput
from cxrbench.runners.segmentation.batches import MaskBatch
from cxrbench.runners.segmentation.features import Features, Reader
from cxrbench.training.features import to_device
from cxrbench.training.resumable import Plateau
from cxrbench.training.selected import SelectedModule


@dataclass(frozen=True)
class Training:
    """What the module needs to know; made from the recipe.

    Attributes:
        loss: B×H×W logits and masks to a scalar.
        auxiliary_weight: Of the loss of each further output of the decoder.
        monitor: Counted pixels to the value selection looks at.
        optimizers: The module to its optimiser and its schedule by step, if any.
        plateau: The optimiser to a schedule that follows the monitored value, if any.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    auxiliary_weight: float
    monitor: Callable[[MaskInput], float]
    optimizers: Callable[[Segmenter], OptimizerLRScheduler]
    plateau: Plateau | None = None


class Segmenter(SelectedModule):
    """Encoder and decoder, or a decoder on a frozen encoder, which stays in eval mode."""

    def __init__(
        self, reader: Reader, decoder: nn.Module, training: Training, seed: int, *, frozen: bool
    ) -> None:
        """Join an encoder with its decoder."""
        super().__init__(seed, lambda: training.optimizers(self), training.plateau)
        self.decoder = decoder
        self.encoder: nn.Module | None = None
        if not frozen:
            if not isinstance(reader.encoder, nn.Module):
                raise TypeError(f"{type(reader.encoder).__name__} is trained, and no torch module")
            self.encoder = reader.encoder
        # A frozen encoder is no part of the module, so that nothing changes its mode or keeps it
        # in checkpoints.
        self._reader = (reader,)
        self._training = training
        self._counts: list[Tensor] = []

    @property
    def reader(self) -> Reader:
        """What reads the encoder."""
        return self._reader[0]

    def outputs(self, batch: MaskBatch) -> list[Tensor]:
        """B×H×W logits, those of the mask first."""
        found: list[Tensor] = self.decoder(self._features(batch))
        return found

    def training_step(self, batch: MaskBatch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        first, *others = self.outputs(batch)
        loss = self._training.loss(first, batch.masks)
        for other in others:
            loss = loss + self._training.auxiliary_weight * self._training.loss(other, batch.masks)
        self.keep_loss(loss)
        return loss

    def validation_step(self, batch: MaskBatch, batch_idx: int) -> None:
        """Count pixels at the encoder's input; they are judged together."""
        predicted = self.outputs(batch)[0] >= 0
        self._counts.append(_counts(predicted, batch.masks > 0).cpu())

    def on_fit_start(self) -> None:
        """Move a frozen encoder along."""
        to_device(self.reader.encoder, str(self.device))

    def on_validation_epoch_end(self) -> None:
        """Judge all counts of the epoch."""
        value = self._training.monitor(MaskInput(*torch.cat(self._counts).numpy().T))
        self._counts.clear()
        self.end_epoch(value)

    def _features(self, batch: MaskBatch) -> Features:
        reader = self.reader
        if batch.features is not None:
            return reader.features(batch.features)
        if self.encoder is not None:
            return reader.read(batch.images)
        with torch.no_grad():
            return reader.features(reader.rows(batch.images))


def _counts(predicted: Tensor, true: Tensor) -> Tensor:
    """B×4: true and false positives, false and true negatives among the pixels of each image."""
    cases = (predicted & true, predicted & ~true, ~predicted & true, ~predicted & ~true)
    return torch.stack([case.flatten(1).sum(1) for case in cases], dim=1)
