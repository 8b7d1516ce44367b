"""The Lightning module: a generator, and the encoder below it, frozen or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from cxrbench.runners.reports.batches import ReportBatch
from cxrbench.runners.reports.generators import Generator, as_module, counted, loss_of, write
from cxrbench.runners.reports.memory import MemoryReader
from cxrbench.runners.reports.recipe import Decoding, ReportRecipe
from cxrbench.training.features import to_device
from cxrbench.training.processes import gather, world_size
from cxrbench.training.resumable import Plateau
from cxrbench.training.selected import SelectedModule


@dataclass(frozen=True)
class Training:
    """What the module needs to know; made from the recipe.

    Attributes:
        recipe: The recipe itself.
        monitor: References and generated reports to the value selection looks at.
        optimizers: The module to its optimiser and its schedule by step, if any.
        plateau: The optimiser to a schedule that follows the monitored value, if any.
    """

    recipe: ReportRecipe
    monitor: Callable[[Sequence[str], Sequence[str]], float]
    optimizers: Callable[[ReportWriter], OptimizerLRScheduler]
    plateau: Plateau | None = None


class ReportWriter(SelectedModule):
    """Encoder and generator, or a generator on a frozen encoder, which stays in eval mode."""

    def __init__(
        self, reader: MemoryReader, generator: Generator, training: Training, seed: int
    ) -> None:
        """Join an encoder with its generator."""
        super().__init__(seed, lambda: training.optimizers(self), training.plateau)
        self.generator = generator
        frozen = training.recipe.encoder == "frozen"
        self.encoder: nn.Module | None = None if frozen else as_module(reader.encoder)
        # A frozen encoder is no part of the module, so that nothing changes its mode or keeps it
        # in checkpoints.
        self._reader = (reader,)
        self._training = training
        self._texts: tuple[list[str], list[str]] = [], []

    @property
    def reader(self) -> MemoryReader:
        """What reads the encoder."""
        return self._reader[0]

    def write(self, batch: ReportBatch, decoding: Decoding) -> list[str]:
        """The reports of a batch."""
        return write(self.generator, self.memory(batch), batch.hints, decoding)

    def training_step(self, batch: ReportBatch, batch_idx: int) -> Tensor:
        """The loss of one batch: a mean over the tokens of all processes that train together."""
        recipe = self._training.recipe
        loss = loss_of(self.generator, recipe, self.memory(batch), batch.texts, batch.hints)
        if world_size() > 1:
            # DDP takes the mean of the gradients of processes, whose texts differ in length.
            tokens = torch.tensor([counted(self.generator, recipe, batch.texts)])
            share = tokens.to(loss.device) * world_size() / gather(tokens.to(loss.device)).sum()
            loss = loss * share[0]
        self.keep_loss(gather(loss.detach()[None]).mean())
        return loss

    def validation_step(self, batch: ReportBatch, batch_idx: int) -> None:
        """Write the reports; they are judged together."""
        references, generated = self._texts
        references += batch.texts
        generated += self.write(batch, self._training.recipe.validation.decoding)

    def on_fit_start(self) -> None:
        """Move a frozen encoder along."""
        to_device(self.reader.encoder, str(self.device))

    def on_validation_epoch_end(self) -> None:
        """Judge all reports of the epoch."""
        value = self._training.monitor(*self._texts)
        self._texts = [], []
        self.end_epoch(value)

    def memory(self, batch: ReportBatch) -> Tensor:
        """B×VT×D: what the generator reads of the V images of each report."""
        reader = self.reader
        if batch.rows is not None:
            memory = reader.memory(batch.rows)
        elif self.encoder is not None:
            memory = reader.read(batch.images)
        else:
            with torch.no_grad():
                memory = reader.memory(reader.rows(batch.images))
        return memory.reshape(len(batch), -1, reader.dim)
