"""One run of report generation: train the generator, choose the epoch, write the test reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from cxrbench.building import build
from cxrbench.data.samples import SPLITS
from cxrbench.encoder import ImageEncoder
from cxrbench.predictions import Predictions, Texts
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.batches import notes_on_parts
from cxrbench.runners.optimisation import configured, plateau_of
from cxrbench.runners.reports.floors import floors
from cxrbench.runners.reports.generators import FIT, Generator, make_generator, references_by
from cxrbench.runners.reports.hints import Cases, check_labels, hints_of
from cxrbench.runners.reports.inputs import Inputs
from cxrbench.runners.reports.memory import MemoryReader
from cxrbench.runners.reports.module import ReportWriter, Training
from cxrbench.runners.reports.recipe import LanguageModel, ReportRecipe
from cxrbench.runners.reports.scoring import monitored_texts
from cxrbench.runners.reports.targets import reports_of
from cxrbench.runners.reports.weights import INIT, start_from
from cxrbench.runners.reports.writing import write_reports
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training.features import pooled
from cxrbench.training.fit import FitSettings, fit
from cxrbench.training.processes import is_helper
from cxrbench.training.seeds import derive


def run_reports(job: Job, recipe: ReportRecipe, timer: Timer) -> Outcome:
    """Train a generator on one task and write the reports of its test split.

    Raises:
        SystemExit: In a process that only helps another one to train, when that is done.
    """
    seed, device, precision = job.spec.seed, job.machine.device, job.spec.precision
    with timer.phase("build"):
        encoder, report = build(job.model, job.weights, seed)
        spec = recipe.image_spec(encoder.image_spec)
        try_encoder(encoder, spec, device, precision)
        reader = MemoryReader.of(encoder, spec, device, precision)
        # What cannot work is known before hours of preparation.
        reports = {name: reports_of(job.data.splits[name], recipe, name) for name in SPLITS}
        if isinstance(recipe.generator, LanguageModel):
            check_labels(recipe.generator, job.data.labels)
        with torch.random.fork_rng():
            torch.manual_seed(derive("head", seed))
            generator = make_generator(recipe, reader, reports["train"].texts, job.folder)
        training = _training(recipe, generator)
    inputs = Inputs.make(job, recipe, reader, spec, report, reports, timer)
    # Before training, and before weights of another one: the encoder changes there.
    others: dict[str, Sequence[str]] = {}
    if needs_cases(recipe):
        with timer.phase("similar"):
            cases = _cases(job, inputs, encoder)
            if recipe.floors:
                others = {**floors(cases)}
            if isinstance(recipe.generator, LanguageModel):
                inputs = replace(inputs, hints=hints_of(cases, recipe.generator))
    module = ReportWriter(reader, generator, training, seed)
    if recipe.init is not None:
        start_from(job.folder / INIT, module)
    with timer.phase("fit"):
        result = fit(
            module,
            inputs.training_loader(),
            inputs.validation_loader(),
            _settings(job, recipe, inputs.accumulate),
            job.folder / FIT,
        )
    if is_helper():
        raise SystemExit(0)
    with timer.phase("predict"):
        path = job.folder / FIT / "written-test.jsonl"
        written = write_reports(module, inputs.test_loader(), recipe.decoding, job, path)
    selection: dict[str, Any] = {
        "split": recipe.select.split,
        "metric": recipe.select.name,
        "value": result.value,
        "epoch": result.epoch,
    }
    notes = notes_on_parts(job.spec.micro_batch, recipe.batch_size, module, loss_of_batch=True)
    warnings = [*report.warnings, *inputs.notes, *notes]
    predictions = _predictions(module, inputs, {"test": written, **others})
    return Outcome(predictions, selection, report, inputs.context, warnings)


def needs_cases(recipe: ReportRecipe) -> bool:
    """Whether pooled features of all images are wanted."""
    own = recipe.generator
    asked = isinstance(own, LanguageModel) and (own.similar_case or own.diseases)
    return recipe.floors or asked


def _cases(job: Job, inputs: Inputs, encoder: ImageEncoder) -> Cases:
    store = inputs.source.store("pooled", inputs.context)
    extractor = inputs.source.extractor(inputs.context)
    for name in SPLITS:
        split = inputs.reports[name].split
        extractor.fill(store, split, pooled(encoder), f"pooled features of {name}")
    return Cases(inputs.reports, store, job.data.labels, job.machine.device)


def _training(recipe: ReportRecipe, generator: Generator) -> Training:
    def value(references: Sequence[str], generated: Sequence[str]) -> float:
        true = references_by(generator, recipe, references)
        return monitored_texts(recipe.select, true, generated, recipe.cut_references)

    # On a made-up report: what cannot be monitored is known before hours of training.
    value(["Lungs and Airways:\n- Clear."], ["Lungs and Airways:\n- Clear."])
    return Training(
        recipe=recipe,
        monitor=value,
        optimizers=lambda module: configured(
            recipe.optimizer, recipe.schedule, module.encoder, module.generator
        ),
        plateau=plateau_of(recipe.schedule),
    )


def _settings(job: Job, recipe: ReportRecipe, accumulate: int) -> FitSettings:
    return FitSettings(
        epochs=recipe.epochs,
        accumulate=accumulate,
        validate_every=recipe.validate_every,
        early_stop=recipe.early_stop,
        clip_grad_norm=recipe.clip_grad_norm,
        precision=job.spec.precision,
        device=job.machine.device,
        devices=job.machine.devices,
    )


def _predictions(
    module: ReportWriter, inputs: Inputs, written: Mapping[str, Sequence[str]]
) -> dict[str, Predictions]:
    """What was written, or would be, by the name of the predictions."""
    reports, recipe = inputs.reports["test"], inputs.recipe
    references = references_by(module.generator, recipe, reports.texts)
    split, names = reports.split, inputs.job.data.labels
    return {
        name: Texts(
            split.samples,
            names,
            split.labels,
            # What no generator wrote is cleaned and cut as references are.
            texts if name == "test" else references_by(module.generator, recipe, texts),
            references,
            recipe.cut_references,
        )
        for name, texts in written.items()
    }
