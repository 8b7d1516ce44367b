"""Running a planned pretraining, or going on with it, to its weights and its record."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import torch
from safetensors.torch import save_file

from cxrbench.atomic import atomic_path
from cxrbench.errors import BadRequest, RunError
from cxrbench.pretraining.folder import FIT, WEIGHTS, claim, finished, held
from cxrbench.pretraining.inputs import Inputs, smallest_batch
from cxrbench.pretraining.logs import Logs
from cxrbench.pretraining.machine import Machine
from cxrbench.pretraining.module import PretrainingModule
from cxrbench.pretraining.objective import Pretrainer
from cxrbench.pretraining.plan import Plan
from cxrbench.pretraining.record import PretrainingRecord, write_record
from cxrbench.pretraining.start import start
from cxrbench.timing import Timer
from cxrbench.training.fit import FitSettings, fit
from cxrbench.training.processes import is_helper


def pretrain(
    plan: Plan, folder: Path, machine: Machine, *, overwrite: bool = False
) -> PretrainingRecord | None:
    """Train, and write `weights.safetensors` and `record.json` into `folder`.

    The same call goes on with a run that was killed; a finished one is not done again.

    Args:
        plan: What is done.
        folder: Of this run alone; made when it is not there.
        machine: How the machine is used.
        overwrite: Forget what is in `folder` of another run.

    Returns:
        The record; None in a process that only helps another one to train.

    Raises:
        BadRequest: When the folder holds another run or other files, or a batch has fewer images
            than there are devices.
        RunBusyError: When another process is working in it.
        RunError: When training fails.
    """
    _check_devices(plan, machine)
    with nullcontext() if is_helper() else held(folder):
        if not is_helper():
            claim(plan, folder, overwrite)
            record = finished(plan, folder, overwrite)
            if record is not None:
                return record
        return _run(plan, folder, machine)


def _run(plan: Plan, folder: Path, machine: Machine) -> PretrainingRecord | None:
    timer, recipe = Timer(), plan.recipe
    torch.set_float32_matmul_precision(recipe.matmul)
    with timer.phase("build"):
        images = plan.data.images
        pretrainer, load = start(recipe, plan.card, images.labels, plan.data.counts, plan.weights)
    inputs = Inputs.make(recipe, plan.data, pretrainer, plan.identity, machine, timer)
    _check_network(pretrainer)
    module = PretrainingModule(pretrainer, recipe, plan.steps_per_epoch * recipe.epochs)
    result = fit(
        module,
        inputs.loader("train"),
        inputs.loader("val"),
        _settings(plan, machine),
        folder / FIT,
        [Logs(folder)],
    )
    if is_helper():
        return None
    with timer.phase("export"):
        tensors = _export(pretrainer, folder / WEIGHTS)
    state = torch.load(folder / FIT / "last.ckpt", map_location="cpu", weights_only=True)
    timings = {**timer.seconds, "fit": state["pretraining"]["seconds"]}
    return write_record(
        folder, plan, machine, load, result, _history(folder), folder / WEIGHTS, tensors, timings,
        module.monitor,
    )  # fmt: skip


def _settings(plan: Plan, machine: Machine) -> FitSettings:
    recipe = plan.recipe
    return FitSettings(
        epochs=recipe.epochs,
        accumulate=recipe.accumulate,
        validate_every=1,
        early_stop=recipe.early_stop,
        clip_grad_norm=recipe.clip_grad_norm,
        precision=recipe.precision,
        device=machine.device,
        devices=machine.devices,
        keep_last=True,
    )


def _history(folder: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((folder / FIT / "history.json").read_text())
    return history


def _check_devices(plan: Plan, machine: Machine) -> None:
    """Every device needs an image of every batch, or the others would wait for it for ever."""
    smallest = smallest_batch(plan.recipe, len(plan.data.images.splits["train"]))
    if smallest < machine.devices:
        raise BadRequest(
            f"cannot train on {machine.devices} devices",
            why=f"the last batch of an epoch has {smallest} image(s)",
            fix="say --set drop_last=true or another batch_size, or fewer --devices",
        )


def _check_network(pretrainer: Pretrainer) -> None:
    if not any(p.requires_grad for p in pretrainer.network.parameters()):
        raise RunError(
            "there is nothing to train",
            why="every parameter of the network is frozen",
            fix="correct `config` of the recipe",
        )


def _export(pretrainer: Pretrainer, path: Path) -> int:
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in pretrainer.export().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)
    return len(tensors)
