"""The Lightning module that fine-tunes an encoder with a classification head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cxrbench.encoder import ImageEncoder
from cxrbench.training.loading import LabelledBatch
from cxrbench.training.seeds import reseed

Scores = npt.NDArray[np.float64]

MONITOR = "select"


@dataclass(frozen=True)
class Recipe:
    """What the module needs to know; made by a runner from its protocol.

    Attributes:
        loss: Logits and labels (B×C) to a scalar.
        monitor: Probabilities and labels (N×C, in order) to the value selection looks at.
        optimizers: The module to its optimiser and its schedule by step, if any.
        plateau: The optimiser to a schedule that follows the monitored value, if any.
        first_validation: Epoch, counted from 1, before which validation is left out.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    monitor: Callable[[Scores], float]
    optimizers: Callable[[FineTuner], OptimizerLRScheduler]
    plateau: Callable[[Optimizer], ReduceLROnPlateau] | None = None
    first_validation: int = 1


class FineTuner(lightning.LightningModule):
    """Encoder and head, trained together.

    Frozen parameters are kept out of the checkpoints: they are in the encoder's own weights.

    Attributes:
        history: One entry a validated epoch: epoch, training loss, monitored value, rate.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module, recipe: Recipe, seed: int) -> None:
        """Join an encoder that is an `ImageEncoder` with its head."""
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.history: list[dict[str, float]] = []
        self._recipe = recipe
        self._seed = seed
        self._scores: list[Tensor] = []
        self._losses: list[float] = []
        self._plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        # A checkpoint lacks the frozen parameters; what it must hold is checked on loading.
        self.strict_loading = False

    def logits(self, batch: LabelledBatch) -> Tensor:
        """B×C logits."""
        encoder: ImageEncoder = self.encoder  # type: ignore[assignment]
        features: Tensor = self.head(encoder.encode_image(batch.images).pooled)
        return features

    def on_train_start(self) -> None:
        """Switch dropout and batch norm to training; Lightning keeps the mode it is given."""
        self.train()

    def on_train_batch_start(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Seed dropout from the position in the training, so that a resumed run repeats it."""
        reseed("step", self._seed, self.current_epoch, batch_idx)

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        loss = self._recipe.loss(self.logits(batch), batch.labels)
        self._losses.append(float(loss.detach()))
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Keep the scores; they are judged together."""
        if self.current_epoch + 1 >= self._recipe.first_validation:
            self._scores.append(torch.sigmoid(self.logits(batch).float()).cpu())

    def on_validation_epoch_end(self) -> None:
        """Log the monitored value and add a line to the history."""
        value = -float("inf")
        if self._scores:
            scores = torch.cat(self._scores).numpy().astype(np.float64)
            value = self._recipe.monitor(scores)
            value = value if np.isfinite(value) else -float("inf")
        self._scores.clear()
        self.log(MONITOR, value)
        self.history.append(
            {
                "epoch": self.current_epoch,
                "train_loss": float(np.mean(self._losses)) if self._losses else float("nan"),
                MONITOR: value,
                "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            }
        )
        self._losses.clear()
        if self._plateau is not None:
            self._plateau.step(value)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """As the recipe says.

        The plateau schedule is stepped here and not by Lightning, which steps it after the
        checkpoint of an epoch is written and leaves that step out when it resumes.
        """
        configured = self._recipe.optimizers(self)
        if self._recipe.plateau is not None and isinstance(configured, Optimizer):
            self._plateau = self._recipe.plateau(configured)
            if self._plateau_state is not None:
                self._plateau.load_state_dict(self._plateau_state)
        return configured

    def transfer_batch_to_device(
        self, batch: LabelledBatch, device: torch.device, dataloader_idx: int
    ) -> LabelledBatch:
        """Move the tensors of a batch."""
        return batch.to(device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave frozen parameters out, add the history."""
        frozen = {name for name, p in self.named_parameters() if not p.requires_grad}
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if k not in frozen}
        checkpoint["history"] = self.history
        checkpoint["losses"] = self._losses
        if self._plateau is not None:
            checkpoint["plateau"] = self._plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the history up again."""
        self.history = list(checkpoint["history"])
        self._losses = list(checkpoint["losses"])
        self._plateau_state = checkpoint.get("plateau")
