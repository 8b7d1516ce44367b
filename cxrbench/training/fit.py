"""The fit loop: Lightning, with checkpoints that let a killed run go on as if nothing happened."""

from __future__ import annotations

import json
import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO

from cxrbench.atomic import atomic_path, remove_leftovers, write_text
from cxrbench.errors import RunError
from cxrbench.progress import stderr
from cxrbench.training.loading import ResumableLoader
from cxrbench.training.module import MONITOR, FineTuner

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
    """

    epochs: int
    accumulate: int
    validate_every: int
    early_stop: int | None
    clip_grad_norm: float | None
    precision: str
    device: str


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
    module: FineTuner,
    train: ResumableLoader,
    validate: ResumableLoader,
    settings: FitSettings,
    folder: Path,
) -> FitResult:
    """Train, or go on training, and leave the module with the weights of the best epoch.

    `folder` holds `best.ckpt` and `last.ckpt` while the run goes on; a finished fit is found
    again by its `fit.json`.

    Raises:
        RunError: When training gives no usable epoch.
    """
    best_path, last_path, done_path = (folder / n for n in (_BEST, "last.ckpt", _DONE))
    if not done_path.exists():
        remove_leftovers(folder)
        resume = last_path if last_path.exists() else None
        with _quiet():
            trainer = _trainer(settings, folder)
            try:
                trainer.fit(module, train, validate, ckpt_path=resume)
            except SystemExit as error:  # how Lightning ends after an interrupt
                raise KeyboardInterrupt from error
        _finish(module, best_path, done_path)
        last_path.unlink(missing_ok=True)
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


def _trainer(settings: FitSettings, folder: Path) -> lightning.Trainer:
    """A trainer whose `last.ckpt` is written after `best.ckpt`, at the end of an epoch."""
    last = _Last(
        folder, "last", monitor=None, save_top_k=1, every_n_epochs=1,
        enable_version_counter=False, save_on_train_epoch_end=True,
    )  # fmt: skip
    timed = _Timed(
        folder, "last", monitor=None, save_top_k=1, train_time_interval=_SAVE_EVERY,
        enable_version_counter=False,
    )  # fmt: skip
    callbacks: list[Callback] = [_Best(folder / _BEST), timed, last]
    if settings.early_stop is not None:
        callbacks.append(
            _Stop(MONITOR, mode="max", patience=settings.early_stop, check_finite=False)
        )
    if stderr.is_terminal:
        callbacks.append(RichProgressBar(leave=False))
    device = torch.device(settings.device)
    return lightning.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=1 if device.index is None else [device.index],
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
    """Keeps the weights of the first epoch with the highest monitored value.

    What was best before is read from the module's history, which is in every checkpoint; so a
    resumed run needs no memory of its own, and the folder may have been moved.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if isinstance(pl_module, FineTuner):
            values = [line[MONITOR] for line in pl_module.history]
            if values.index(max(values)) == len(values) - 1:
                trainer.save_checkpoint(self._path, weights_only=True)


class _Last(ModelCheckpoint):
    """Saves at the end of an epoch, if saving takes less than a tenth of the time.

    A checkpoint of a large model can take longer than an epoch on a small training split.
    """

    _saved_at = -math.inf
    _cost = 0.0

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        start = time.monotonic()
        if start - self._saved_at < _COSTS_BETWEEN_SAVES * self._cost:
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


def _finish(module: FineTuner, best: Path, done: Path) -> None:
    if not module.history or not best.exists():
        raise RunError(
            "training gave no model",
            why="no epoch was validated",
            fix="check that the recipe validates within its number of epochs",
        )
    chosen = max(module.history, key=lambda line: line[MONITOR])
    value = chosen[MONITOR] if math.isfinite(chosen[MONITOR]) else None
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
