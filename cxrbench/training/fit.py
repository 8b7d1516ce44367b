"""The fit loop: Lightning, with checkpoints that let a killed run go on as if nothing happened."""

from __future__ import annotations

import json
import logging
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import DDPStrategy

from cxrbench.atomic import atomic_path, remove_leftovers, write_text
from cxrbench.errors import RunError
from cxrbench.progress import stderr
from cxrbench.training.loading import ResumableLoader
from cxrbench.training.processes import is_helper
from cxrbench.training.resumable import ResumableModule

_SAVE_EVERY = timedelta(minutes=10)
_COSTS_BETWEEN_SAVES = 10
_BEST = "best.ckpt"
_DONE = "fit.json"
_LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric")


@dataclass(frozen=True)
class FitSettings:
    """What the loop needs beside the module.

    Attributes:
        epochs: At most.
        accumulate: Batches an optimiser step.
        validate_every: Epochs between validations.
        early_stop: Validations without improvement before stopping; None: never.
        clip_grad_norm: None: no clipping.
        precision: `32`, `bf16` or `16`.
        device: A torch device.
        devices: Processes that train together, each with a device of that kind.
        keep_last: Whether `last.ckpt` stays when the training is over; it is then of the last
            epoch.
    """

    epochs: int
    accumulate: int
    validate_every: int
    early_stop: int | None
    clip_grad_norm: float | None
    precision: str
    device: str
    devices: int = 1
    keep_last: bool = False


@dataclass(frozen=True)
class FitResult:
    """Which epoch was chosen.

    Attributes:
        epoch: Counted from 0.
        value: Its monitored value; None where it is undefined in every epoch.
    """

    epoch: int
    value: float | None


def fit(
    module: ResumableModule,
    train: ResumableLoader,
    validate: ResumableLoader,
    settings: FitSettings,
    folder: Path,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train, or go on training, and leave the module with the weights of the best epoch.

    `folder` holds `best.ckpt` and `last.ckpt` while the run goes on; a finished fit is found
    again by its `fit.json`. With several devices Lightning starts the command again for each
    further one, so what comes before this call has to be the same there.

    Raises:
        RunError: When training gives no usable epoch.
    """
    best_path, last_path, done_path = (folder / n for n in (_BEST, "last.ckpt", _DONE))
    if not done_path.exists():
        if not is_helper():
            remove_leftovers(folder)
        resume = last_path if last_path.exists() else None
        with _quiet():
            trainer = _trainer(settings, folder, module, callbacks)
            try:
                trainer.fit(module, train, validate, ckpt_path=resume)
            except SystemExit as error:  # how Lightning ends after an interrupt
                raise KeyboardInterrupt from error
        if trainer.is_global_zero:
            _finish(module, best_path, done_path)
            if not settings.keep_last:
                last_path.unlink(missing_ok=True)
        trainer.strategy.barrier()
    result = json.loads(done_path.read_text())
    best = torch.load(best_path, map_location="cpu", weights_only=True)
    if best["epoch"] != result["epoch"]:
        raise RunError(
            "the weights kept are not those of the chosen epoch",
            why=f"{best_path.name} is of epoch {best['epoch']}, chosen was {result['epoch']}",
            fix="run it again with --overwrite all",
        )
    module.load_state_dict(best["state_dict"], strict=False)
    return FitResult(result["epoch"], result["value"])


def _trainer(
    settings: FitSettings, folder: Path, module: ResumableModule, extra: Sequence[Callback]
) -> lightning.Trainer:
    """A trainer whose `last.ckpt` is written after `best.ckpt`, at the end of an epoch."""
    last = _Last(
        folder, "last", monitor=None, save_top_k=1, every_n_epochs=1,
        enable_version_counter=False, save_on_train_epoch_end=True,
    )  # fmt: skip
    last.keep_final = settings.keep_last
    timed = _Timed(
        folder, "last", monitor=None, save_top_k=1, train_time_interval=_SAVE_EVERY,
        enable_version_counter=False,
    )  # fmt: skip
    # A line of a log may be lost with the process, but none may be there twice: logs come before
    # the checkpoints.
    callbacks: list[Callback] = [*extra, _Best(folder / _BEST), timed, last]
    if settings.early_stop is not None:
        callbacks.append(
            _Stop(
                module.monitor, mode=module.mode, patience=settings.early_stop, check_finite=False
            )
        )
    if stderr.is_terminal:
        callbacks.append(RichProgressBar(leave=False))
    return lightning.Trainer(
        **_placement(settings),
        precision=_lightning_precision(settings.precision),
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        check_val_every_n_epoch=settings.validate_every,
        gradient_clip_val=settings.clip_grad_norm,
        callbacks=callbacks,
        plugins=_AtomicCheckpoints(),
        logger=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=stderr.is_terminal,
        enable_model_summary=False,
        deterministic="warn",
        benchmark=False,
        default_root_dir=folder,
    )


def _placement(settings: FitSettings) -> dict[str, Any]:
    """Which devices, and how they work together."""
    device = torch.device(settings.device)
    accelerator = {"cuda": "gpu"}.get(device.type, device.type)
    if settings.devices == 1:
        return {
            "accelerator": accelerator,
            "devices": 1 if device.index is None else [device.index],
        }
    # A batch may leave a part of the network out, such as one for which no image has the input.
    strategy = DDPStrategy(
        find_unused_parameters=True,
        process_group_backend="nccl" if device.type == "cuda" else "gloo",
    )
    return {"accelerator": accelerator, "devices": settings.devices, "strategy": strategy}


class _AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all.

    Lightning writes to the system's temporary folder and moves the file, which is a copy when
    that folder is on another disk.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        with atomic_path(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


class _Best(Callback):
    """Keeps the weights of the first epoch with the best monitored value.

    What was best before is read from the module's history, which is in every checkpoint; so a
    resumed run needs no memory of its own, and the folder may have been moved.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if isinstance(pl_module, ResumableModule):
            ratings = [pl_module.rating(line) for line in pl_module.history]
            if ratings.index(max(ratings)) == len(ratings) - 1:
                trainer.save_checkpoint(self._path, weights_only=True)


class _Last(ModelCheckpoint):
    """Saves at the end of an epoch, if saving takes less than a tenth of the time.

    A checkpoint of a large model can take longer than an epoch on a small training split.

    Attributes:
        keep_final: Save after the last epoch in any case, because the file will be kept.
    """

    keep_final = False
    _saved_at = -math.inf
    _cost = 0.0

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        start = time.monotonic()
        early = start - self._saved_at < _COSTS_BETWEEN_SAVES * self._cost
        # Early stopping has decided by now: checkpoints come after all other callbacks.
        final = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        early = early and not (final and self.keep_final)
        if trainer.strategy.broadcast(early):  # all processes save, or none
            return
        super().on_train_epoch_end(trainer, pl_module)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - start


class _Timed(ModelCheckpoint):
    """Saves by the clock, in the middle of an epoch.

    Not between the batches of one optimiser step, whose gradients are in no checkpoint, and not
    after the last batch, where validation and the checkpoint of the epoch follow.
    """

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        served = batch_idx + 1
        stepped = served % trainer.accumulate_grad_batches == 0
        if stepped and served < trainer.num_training_batches:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


class _Stop(EarlyStopping):
    """Early stopping that remembers on resuming that it had stopped."""

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def _finish(module: ResumableModule, best: Path, done: Path) -> None:
    if not module.history or not best.exists():
        raise RunError(
            "training gave no model",
            why="no epoch was validated",
            fix="check that the recipe validates within its number of epochs",
        )
    chosen = max(module.history, key=module.rating)
    value = chosen[module.monitor] if math.isfinite(chosen[module.monitor]) else None
    write_text(done.with_name("history.json"), json.dumps(_finite(module.history), indent=1))
    write_text(done, json.dumps({"epoch": int(chosen["epoch"]), "value": value}))


def _finite(history: list[dict[str, float]]) -> list[dict[str, Any]]:
    return [{k: v if math.isfinite(v) else None for k, v in line.items()} for line in history]


def _lightning_precision(precision: str) -> Any:
    return {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[precision]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's remarks on hardware and workers, which are not for our users."""
    loggers = [logging.getLogger(n) for n in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
