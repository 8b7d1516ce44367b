"""The Lightning module that pretrains a network by its objective."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cxrbench.errors import RunError
from cxrbench.pretraining.objective import TOTAL, Pretrainer
from cxrbench.pretraining.recipe import PretrainingRecipe
from cxrbench.training.optimizers import by_step, make_optimizer
from cxrbench.training.processes import gather
from cxrbench.training.resumable import ResumableModule


class PretrainingModule(ResumableModule):
    """A network and its losses.

    Attributes:
        history: One entry an epoch: epoch, optimiser steps, rate, and every loss as
            `train_<name>` and `val_<name>`.
        steps: One entry every `log_every` batches: the mean of each loss since the one before.
        seconds: Wall-clock seconds of training so far, those of killed attempts included as far
            as their checkpoints know.
    """

    monitor = f"val_{TOTAL}"
    mode = "min"

    def __init__(self, pretrainer: Pretrainer, recipe: PretrainingRecipe, total_steps: int) -> None:
        """Train `pretrainer` for `total_steps` optimiser steps, as the recipe says."""
        super().__init__(recipe.seed)
        self.network = pretrainer.network
        self.steps: list[dict[str, float]] = []
        self.seconds = 0.0
        self._pretrainer = pretrainer
        self._recipe = recipe
        self._total_steps = total_steps
        self._names: list[str] = []
        self._epoch_losses: list[Tensor] = []
        self._val: list[tuple[int, Tensor]] = []
        self._since: float | None = None

    def on_train_start(self) -> None:
        """Start the clock."""
        super().on_train_start()
        self._epoch_losses = [row.to(self.device) for row in self._epoch_losses]
        self._since = time.monotonic()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one batch, with the images of all processes as negatives."""
        found = self._pretrainer.losses(batch, gather)
        # They stay on their device: reading them at every step would wait for the device.
        self._epoch_losses.append(self._row(found))
        self.log("loss", found[TOTAL].detach(), prog_bar=True, batch_size=len(batch))
        return found[TOTAL]

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the losses; every process judges the whole split."""
        found = self._pretrainer.losses(batch, lambda rows: rows)
        self._val.append((len(batch), self._row(found)))

    def on_validation_epoch_end(self) -> None:
        """Add a line to the history: means over batches (train) and over images (val)."""
        sizes = torch.tensor([size for size, _ in self._val], dtype=torch.float64)
        val = self._means("val", [row for _, row in self._val], sizes)
        self._val.clear()
        train = {}
        if self._epoch_losses:
            train = self._means("train", self._epoch_losses)
            self._refuse_nan(train[f"train_{TOTAL}"])
        self._epoch_losses.clear()
        # Devices round differently; what they decide by these numbers has to be the same.
        line = self.trainer.strategy.broadcast({**train, **val})
        self.log(self.monitor, line[self.monitor])
        self.add_to_history({"step": self.global_step, "lr": self._rate, **line})

    def note(self, batch_idx: int) -> bool:
        """Add a line to `steps` where one is due; says whether it did.

        Raises:
            RunError: When the loss is no number any more.
        """
        every = self._recipe.log_every
        if (batch_idx + 1) % every:
            return False
        named = self._means("train", self._epoch_losses[-every:])
        self._refuse_nan(named[f"train_{TOTAL}"])
        place = {"epoch": self.current_epoch, "step": self.global_step, "lr": self._rate}
        self.steps.append({**place, **named})
        return True

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """As the recipe says."""
        settings, schedule = self._recipe.optimizer, self._recipe.schedule
        optimizer = make_optimizer(
            settings.name,
            [(self.network.parameters(), settings.lr)],
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
        )
        if schedule.name == "cosine":
            return by_step(optimizer, "cosine", schedule.warmup_steps, self._total_steps)
        if schedule.name == "plateau":
            make = partial(
                ReduceLROnPlateau,
                mode=self.mode,
                factor=schedule.factor,
                patience=schedule.patience,
            )
            self.use_plateau(make, optimizer)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the losses of the epoch, the log and the clock.

        Raises:
            RunError: When a loss or a parameter is no number any more: no checkpoint of that state
                may take the place of a good one.
        """
        super().on_save_checkpoint(checkpoint)
        self._refuse_a_bad_state(checkpoint["state_dict"])
        now = time.monotonic()
        if self._since is not None:
            self.seconds += now - self._since
            self._since = now
        losses = torch.stack(self._epoch_losses).cpu() if self._epoch_losses else None
        checkpoint["pretraining"] = {
            "names": self._names,
            "losses": losses,
            "steps": self.steps,
            "seconds": self.seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them up again."""
        super().on_load_checkpoint(checkpoint)
        kept = checkpoint["pretraining"]
        self._names, self.steps = list(kept["names"]), list(kept["steps"])
        self._epoch_losses = [] if kept["losses"] is None else list(kept["losses"])
        self.seconds = kept["seconds"]

    @property
    def _rate(self) -> float:
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def _row(self, found: dict[str, Tensor]) -> Tensor:
        self._names = list(found)
        return torch.stack([value.detach().float() for value in found.values()])

    def _means(
        self, prefix: str, rows: Sequence[Tensor], weights: Tensor | None = None
    ) -> dict[str, float]:
        """Weighted means of the losses by name, each over the batches that have it.

        NaN stands for a term that a batch has nothing for; of the total it is an error.
        """
        values = torch.stack(list(rows)).double().cpu()
        share = torch.ones(len(values)) if weights is None else weights
        known = share.double()[:, None] * ~values.isnan()
        means = (values.nan_to_num(0.0, math.inf, -math.inf) * known).sum(dim=0) / known.sum(dim=0)
        found = dict(zip(self._names, means.tolist(), strict=True))
        if bool(values[:, self._names.index(TOTAL)].isnan().any()):
            found[TOTAL] = math.nan
        return {f"{prefix}_{name}": value for name, value in found.items()}

    def _refuse_a_bad_state(self, state: Mapping[str, Tensor]) -> None:
        if self._epoch_losses:
            self._refuse_nan(self._means("train", self._epoch_losses)[f"train_{TOTAL}"])
        for name, tensor in state.items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise self._not_a_number(f"{name} is not finite")

    def _refuse_nan(self, value: float) -> None:
        if not math.isfinite(value):
            raise self._not_a_number(f"the loss is {value}")

    def _not_a_number(self, why: str) -> RunError:
        return RunError(
            "the training loss is no number any more",
            why=f"{why} in epoch {self.current_epoch}, before step {self.global_step}",
            fix="lower optimizer.lr, set clip_grad_norm, or use precision 32 or bf16; last.ckpt, "
            "if there is one, is of a good state before",
        )
