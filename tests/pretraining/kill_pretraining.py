"""The toy pretraining, killed with SIGKILL in many places and started again.

    python kill_pretraining.py FOLDER

writes what came out to FOLDER/results.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import toy_pretraining as toy
from safetensors.torch import load_file

from cxrbench.pretraining import run as run_module
from cxrbench.pretraining.module import PretrainingModule
from cxrbench.training import fit as fit_module


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_batch(epoch: int, batch: int) -> None:
    original = PretrainingModule.training_step

    def step(self, data, batch_idx):
        if (self.current_epoch, batch_idx) == (epoch, batch):
            die()
        return original(self, data, batch_idx)

    PretrainingModule.training_step = step


def in_validation(epoch: int) -> None:
    original = PretrainingModule.validation_step

    def step(self, data, batch_idx):
        if (self.current_epoch, batch_idx) == (epoch, 1):
            die()
        return original(self, data, batch_idx)

    PretrainingModule.validation_step = step


def on_writing(name: str, *, after: bool = False, time: int = 1) -> None:
    """Before, or just after, a file gets its final name for the n-th time."""
    original, seen = Path.replace, [0]

    def replace_(self, target):
        if Path(target).name != name:
            return original(self, target)
        seen[0] += 1
        if seen[0] == time:
            if after:
                original(self, target)
            die()
        return original(self, target)

    Path.replace = replace_


def before_export() -> None:
    run_module._export = die


SCENARIOS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "first batch": ({}, [partial(at_batch, 0, 0)]),
    "middle of an epoch": ({}, [partial(at_batch, 2, 3)]),
    "middle of an epoch, saving often": ({"often": True}, [partial(at_batch, 2, 3)]),
    "middle of a step, saving often": ({"often": True}, [partial(at_batch, 1, 1)]),
    "validation": ({}, [partial(in_validation, 3)]),
    "where epochs are shorter than saves": ({"rarely": True}, [partial(at_batch, 3, 1)]),
    "before best": ({}, [partial(on_writing, "best.ckpt")]),
    "between best and last": ({}, [partial(on_writing, "best.ckpt", after=True, time=2)]),
    "in the log of epochs": ({}, [partial(on_writing, "epochs.csv", after=True, time=3)]),
    "before the weights": ({}, [before_export]),
    "before the record": ({}, [partial(on_writing, "record.json")]),
    "three times": (
        {"often": True},
        [partial(at_batch, 1, 2), partial(in_validation, 2), partial(at_batch, 4, 3)],
    ),
}


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that must not depend on having been killed."""
    record = toy.train(folder)
    digest = hashlib.sha256()
    for name, tensor in sorted(load_file(folder / "out" / "weights.safetensors").items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    last = torch.load(folder / "out" / "fit" / "last.ckpt", weights_only=True)["state_dict"]
    for name in sorted(last):
        digest.update(name.encode() + last[name].numpy().tobytes())
    return {
        "weights": record.weights.model_dump(),
        "tensors": digest.hexdigest(),
        "epochs": (folder / "out" / "epochs.csv").read_text(),
        "steps": (folder / "out" / "steps.csv").read_text(),
        "history": record.epochs,
    }


def attempt(folder: Path, options: dict[str, Any], kill: Any) -> int:
    """Run in a fork; returns its status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        if not options.get("rarely"):
            fit_module._COSTS_BETWEEN_SAVES = 0
        if options.get("often"):
            fit_module._SAVE_EVERY = timedelta(0)
        if kill is not None:
            kill()
        else:
            count_batches(folder / "trained.json")
        (folder / "outcome.json").write_text(json.dumps(outcome(folder)))
        os._exit(0)
    finally:
        os._exit(1)


def count_batches(path: Path) -> None:
    """Write down where training begins."""
    original = PretrainingModule.training_step

    def step(self, data, batch_idx):
        path.write_text(json.dumps([self.current_epoch, batch_idx]))
        PretrainingModule.training_step = original
        return original(self, data, batch_idx)

    PretrainingModule.training_step = step


def read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    whole = folder / "whole"
    toy.plan(whole)
    assert attempt(whole, {}, None) == 0
    results: dict[str, Any] = {"whole": read(whole / "outcome.json")}
    for name, (options, kills) in SCENARIOS.items():
        killed = folder / name.replace(" ", "-")
        toy.plan(killed)
        statuses = [attempt(killed, options, kill) for kill in kills]
        statuses.append(attempt(killed, options, None))
        results[name] = {
            "statuses": statuses,
            "began": read(killed / "trained.json"),
            "outcome": read(killed / "outcome.json"),
        }
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
