"""A training small enough to be killed many times: 22 images, a network with everything that
has a state of its own (dropout, batch norm, Adam, a plateau schedule, early stopping).

    python fit_world.py FOLDER

runs every scenario of `SCENARIOS` in a forked process that kills itself with SIGKILL, then the
same training again, and writes what came out to FOLDER/results.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import model_checkpoint as checkpoint_module
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Sample, Split
from cxrbench.encoder import ImageFeatures
from cxrbench.image_spec import ImageSpec
from cxrbench.training import fit as fit_module
from cxrbench.training.fit import FitSettings, fit
from cxrbench.training.loading import (
    Augmentation,
    Collate,
    EpochSampler,
    ResumableLoader,
    RowDataset,
)
from cxrbench.training.losses import bce
from cxrbench.training.module import FineTuner, Recipe
from cxrbench.training.optimizers import by_step, make_optimizer

SPEC = ImageSpec(size=(8, 8), resize="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
TRAIN, VAL, LABELS = 22, 12, 3
SETTINGS = FitSettings(
    epochs=6,
    accumulate=4,  # 22 images are 6 batches of 4: a group of 4 batches, then one of 2
    validate_every=1,
    early_stop=None,
    clip_grad_norm=1.0,
    precision="32",
    device="cpu",
)


class Network(nn.Module):
    """Frozen stem, batch norm, dropout."""

    image_spec = SPEC
    pooled_dim = 6

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3).requires_grad_(False)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(6, 6)

    def encode_image(self, batch):
        hidden = torch.relu(self.norm(self.stem(batch.pixels)))
        return ImageFeatures(self.out(self.drop(hidden.mean(dim=(2, 3)))))


def split(count: int, first: int) -> Split:
    rng = np.random.default_rng(first)
    labels = (rng.random((count, LABELS)) < 0.5).astype(np.float32)
    labels[1, 0] = np.nan
    samples = tuple(Sample(f"i{first + n}", f"p{first + n}", Path()) for n in range(count))
    return Split(samples, labels, official=True)


def rows(folder: Path, *splits: Split) -> RowStore:
    """A store with a noisy image for every sample, whose mean says something about the labels."""
    store = RowStore(folder)
    for part in splits:
        rng = np.random.default_rng(len(part))
        noise = rng.integers(0, 120, (len(part), 8, 8))
        signal_ = (np.nan_to_num(part.labels) @ [30, 50, 20])[:, None, None]
        images = (noise + signal_).astype(np.uint8)
        stamps = [""] * len(part)
        store.fill(part.ids, stamps, lambda p, i=images: i[p], row_bytes=64, title="")
    return store


def agreement(labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of right decisions; on 12 images it jumps, so the plateau schedule has work."""
    known = ~np.isnan(labels)
    return float(((scores > 0.5) == (labels == 1))[known].mean())


def plan(folder: Path, *, cosine: bool = False, workers: int = 0, augment: bool = False):
    """Module and loaders of one run, made afresh as a new process would."""
    train, val = split(TRAIN, 0), split(VAL, 100)
    store = rows(folder / "rows", train, val)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network, head = Network().eval(), nn.Linear(6, LABELS)

    def optimizers(module: FineTuner) -> Any:
        optimizer = make_optimizer(
            "adam",
            [(module.encoder.parameters(), 0.05), (module.head.parameters(), 0.3)],
            weight_decay=0.01,
            momentum=0.0,
        )
        return by_step(optimizer, "unclamped-cosine" if cosine else "constant", 3, 8)

    recipe = Recipe(
        loss=bce,
        monitor=partial(agreement, val.labels),
        optimizers=optimizers,
        plateau=None if cosine else partial(ReduceLROnPlateau, mode="max", factor=0.5, patience=0),
    )
    module = FineTuner(network, head, recipe, seed=3)
    sampler = EpochSampler(TRAIN, 4, seed=3)
    augmentation = Augmentation((8, 8), 3) if augment else None
    collate = Collate(SPEC, context=False)
    loader = ResumableLoader(
        RowDataset(train, store, augment=augmentation), sampler, collate, workers
    )
    judge = ResumableLoader(RowDataset(val, store), EpochSampler(VAL, 5, seed=None), collate, 0)
    return module, loader, judge


def run(folder: Path, settings: FitSettings = SETTINGS, **options: Any) -> dict[str, Any]:
    """Train, or go on, and tell everything that must not depend on having been killed."""
    torch.manual_seed(int.from_bytes(os.urandom(4), "little"))  # nothing may depend on it
    module, train, judge = plan(folder, **options)
    result = fit(module, train, judge, settings, folder / "fit")
    module.eval()
    with torch.inference_mode():
        scores = torch.cat([torch.sigmoid(module.logits(batch.to("cpu"))) for batch in judge])
    state = {k: v for k, v in module.state_dict().items() if "stem" not in k}
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + state[name].numpy().tobytes())
    return {
        "epoch": result.epoch,
        "value": result.value,
        "history": json.loads((folder / "fit" / "history.json").read_text()),
        "scores": scores.double().numpy().tolist(),
        "state": digest.hexdigest(),
        "left": sorted(path.name for path in (folder / "fit").iterdir()),
    }


# --- where a run is killed -----------------------------------------------------------------------


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_batch(epoch: int, batch: int) -> None:
    """In the forward pass of a batch."""
    original = FineTuner.training_step

    def step(self: FineTuner, data: Any, batch_idx: int) -> Any:
        if (self.current_epoch, batch_idx) == (epoch, batch):
            die()
        return original(self, data, batch_idx)

    FineTuner.training_step = step


def in_validation(epoch: int) -> None:
    original = FineTuner.validation_step

    def step(self: FineTuner, data: Any, batch_idx: int) -> Any:
        if self.current_epoch == epoch and batch_idx == 1:
            die()
        return original(self, data, batch_idx)

    FineTuner.validation_step = step


def on_saving(name: str, epoch: int, *, after: bool = False) -> None:
    """Before, or just after, a checkpoint of an epoch is renamed to its final place."""
    original = Path.replace

    def replace_(self: Path, target: Path) -> Path:
        if Path(target).name != name or _epoch(self) != epoch:
            return original(self, target)
        if after:
            original(self, target)
        die()

    Path.replace = replace_


def _epoch(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, weights_only=True)["epoch"])


def before_the_mark() -> None:
    """After the last epoch, before fit.json."""
    fit_module._finish = die


def saved_by_the_clock(epoch: int, batch: int) -> None:
    """The interval between saves is over in the middle of a batch."""
    now = [0.0]
    checkpoint_module.time = SimpleNamespace(monotonic=lambda: now[0])
    original = FineTuner.training_step

    def step(self: FineTuner, data: Any, batch_idx: int) -> Any:
        if (self.current_epoch, batch_idx) == (epoch, batch):
            now[0] += 2 * fit_module._SAVE_EVERY.total_seconds()
        return original(self, data, batch_idx)

    FineTuner.training_step = step


def log_first_batch(path: Path) -> None:
    """Write down where training begins, which tells whether a checkpoint was used."""
    original = FineTuner.training_step

    def step(self: FineTuner, data: Any, batch_idx: int) -> Any:
        path.write_text(json.dumps([self.current_epoch, batch_idx]))
        FineTuner.training_step = original
        return original(self, data, batch_idx)

    FineTuner.training_step = step


SCENARIOS: dict[str, tuple[dict[str, Any], list[Callable[[], None]]]] = {
    "first batch": ({}, [partial(at_batch, 0, 0)]),
    "middle of an epoch": ({}, [partial(at_batch, 2, 3)]),
    "partial group": ({}, [partial(at_batch, 3, 5)]),
    "validation": ({}, [partial(in_validation, 2)]),
    "before best": ({}, [partial(on_saving, "best.ckpt", 4)]),
    "between best and last": ({}, [partial(on_saving, "best.ckpt", 4, after=True)]),
    "before last": ({}, [partial(on_saving, "last.ckpt", 2)]),
    "after last": ({}, [partial(on_saving, "last.ckpt", 2, after=True)]),
    "before the mark": ({}, [before_the_mark]),
    "three times": (
        {},
        [partial(at_batch, 1, 2), partial(in_validation, 3), partial(at_batch, 5, 4)],
    ),
    "cosine": ({"cosine": True, "augment": True}, [partial(at_batch, 2, 5)]),
}
# Killed in every batch of an epoch, with checkpoints wherever one can be written.
SCENARIOS |= {
    f"saving often, batch {batch}": (
        {"often": True},
        [partial(at_batch, 1, batch), partial(at_batch, 2, batch)],
    )
    for batch in (0, 3, 5)
}
SCENARIOS |= {
    # The clock strikes between the batches of one optimiser step.
    f"clock at batch {batch}": ({"clock": (1, batch)}, [partial(at_batch, 1, 5)])
    for batch in (1, 2)
}
SCENARIOS |= {
    "saving often, validation": ({"often": True}, [partial(in_validation, 2)]),
    "early stop": ({"early_stop": 2}, [before_the_mark]),
    "early stop, last": ({"early_stop": 2}, [partial(at_batch, 2, 1)]),
    "moved": ({"moved": True}, [partial(at_batch, 5, 2)]),
    "saving rarely": ({"rarely": True}, [partial(at_batch, 3, 2)]),
    "saving rarely, at the end": ({"rarely": True}, [before_the_mark]),
}


def attempt(folder: Path, options: dict[str, Any], kill: Callable[[], None] | None) -> int:
    """Run in a fork; returns its status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        rest = dict(options)
        settings = replace(SETTINGS, early_stop=rest.pop("early_stop", None))
        rest.pop("moved", None)
        often, clock = rest.pop("often", False), rest.pop("clock", None)
        # Whether an epoch's checkpoint is left out depends on the clock: here always or never.
        fit_module._COSTS_BETWEEN_SAVES = 10**9 if rest.pop("rarely", False) else 0
        if often:
            fit_module._SAVE_EVERY = timedelta(0)
        if clock is not None:
            saved_by_the_clock(*clock)
        if kill is not None:
            kill()
        else:
            log_first_batch(folder / "started.json")
        outcome = run(folder, settings, **rest)
        (folder / "outcome.json").write_text(json.dumps(outcome))
        os._exit(0)
    finally:
        os._exit(1)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    for name, (options, kills) in SCENARIOS.items():
        base = {k: v for k, v in options.items() if k not in ("often", "clock", "rarely", "moved")}
        reference = folder / f"reference-{json.dumps(base, sort_keys=True)}"
        if not reference.exists():
            assert attempt(reference, base, None) == 0, name
        killed = folder / name.replace(" ", "-")
        statuses = [attempt(killed, options, kill) for kill in kills]
        if options.get("moved"):
            killed = killed.rename(folder / "elsewhere")
        statuses.append(attempt(killed, options, None))
        results[name] = {
            "statuses": statuses,
            "started": json.loads((killed / "started.json").read_text())
            if (killed / "started.json").exists()
            else None,
            "reference": json.loads((reference / "outcome.json").read_text()),
            "resumed": json.loads((killed / "outcome.json").read_text())
            if (killed / "outcome.json").exists()
            else None,
        }
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
