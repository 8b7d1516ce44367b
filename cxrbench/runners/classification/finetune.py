"""Fine-tuning: encoder and head trained together, the epoch chosen on the selection split."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from cxrbench.building import build
from cxrbench.data.samples import SplitName
from cxrbench.predictions import LabelScores, Predictions
from cxrbench.progress import track
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.batches import notes_on_parts
from cxrbench.runners.classification.head import make_head
from cxrbench.runners.classification.inputs import Inputs
from cxrbench.runners.classification.objective import Objective
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.classification.selection import monitor
from cxrbench.runners.optimisation import configured, plateau_of
from cxrbench.timing import Timer
from cxrbench.training.features import autocast
from cxrbench.training.fit import FitSettings, fit
from cxrbench.training.loading import ResumableLoader
from cxrbench.training.module import FineTuner, Recipe, Scores
from cxrbench.training.seeds import derive


def run_finetune(job: Job, recipe: ClassificationRecipe, timer: Timer) -> Outcome:
    """Fine-tune one encoder on one task."""
    with timer.phase("build"):
        encoder, report = build(job.model, job.weights, job.spec.seed)
        objective = Objective(recipe, job.data.splits["train"])
        with torch.random.fork_rng():
            torch.manual_seed(derive("head", job.spec.seed))
            head = make_head(encoder.pooled_dim, objective.outputs, recipe)
        module = FineTuner(
            _as_module(encoder), head, _recipe(job, recipe, objective), job.spec.seed
        )
    inputs = Inputs.make(job, recipe, encoder, report, timer)
    with timer.phase("fit"):
        result = fit(
            module,
            inputs.training_loader(),
            inputs.loader(recipe.select.split),
            _settings(job, recipe),
            job.folder / "fit",
        )
    names: tuple[SplitName, ...] = ("val", "test")
    with timer.phase("predict"):
        predictions: dict[str, Predictions] = {
            name: LabelScores.of(
                job.data.splits[name],
                job.data.labels,
                _predict(module, inputs.loader(name), job, f"predicting {name}"),
            )
            for name in names
        }
    selection: dict[str, Any] = {
        "split": recipe.select.split,
        "metric": recipe.select.name,
        "value": result.value,
        "epoch": result.epoch,
    }
    notes = notes_on_parts(job.spec.micro_batch, recipe.batch_size, module)
    return Outcome(predictions, selection, report, inputs.context, [*report.warnings, *notes])


def _as_module(encoder: object) -> nn.Module:
    if not isinstance(encoder, nn.Module):
        raise TypeError(f"{type(encoder).__name__} declares `trainable` but is no torch module")
    return encoder


def _recipe(job: Job, recipe: ClassificationRecipe, objective: Objective) -> Recipe:
    judged, settings = job.data.splits[recipe.select.split], recipe.optimizer
    if settings is None:
        raise ValueError("a fine-tuning recipe has an optimizer")

    def value(scores: Scores) -> float:
        return monitor(recipe.select, LabelScores.of(judged, job.data.labels, scores))

    return Recipe(
        loss=objective.loss,
        probabilities=objective.probabilities,
        monitor=value,
        optimizers=lambda module: configured(
            settings, recipe.schedule, module.encoder, module.head
        ),
        plateau=plateau_of(recipe.schedule),
        first_validation=recipe.first_validation,
    )


def _settings(job: Job, recipe: ClassificationRecipe) -> FitSettings:
    micro = job.spec.micro_batch or recipe.batch_size
    return FitSettings(
        epochs=recipe.epochs,
        accumulate=recipe.accumulate * recipe.batch_size // micro,
        validate_every=recipe.validate_every,
        early_stop=recipe.early_stop,
        clip_grad_norm=recipe.clip_grad_norm,
        precision=job.spec.precision,
        device=job.machine.device,
    )


def _predict(module: FineTuner, loader: ResumableLoader, job: Job, title: str) -> Scores:
    module.to(job.machine.device).eval()
    found = []
    with torch.inference_mode(), autocast(job.machine.device, job.spec.precision):
        for batch in track(loader, title):
            found.append(module.probabilities(batch.to(job.machine.device)).cpu().numpy())
    return np.concatenate(found).astype(np.float64)
