"""One segmentation run: train the decoder, choose the epoch, predict the test split."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from cxrbench.building import build
from cxrbench.data.mask_geometry import HALF, Probabilities, from_input
from cxrbench.data.packed import pack_mask
from cxrbench.predictions import Masks
from cxrbench.progress import track
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.batches import notes_on_parts
from cxrbench.runners.monitor import monitored
from cxrbench.runners.optimisation import configured, plateau_of
from cxrbench.runners.segmentation.decoders import make_decoder
from cxrbench.runners.segmentation.features import Reader
from cxrbench.runners.segmentation.inputs import Inputs
from cxrbench.runners.segmentation.module import Segmenter, Training
from cxrbench.runners.segmentation.recipe import SegmentationRecipe
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training import mask_losses
from cxrbench.training.features import autocast, to_device
from cxrbench.training.fit import FitSettings, fit
from cxrbench.training.seeds import derive

_LOSSES = {
    "focal-batch-dice": mask_losses.focal_and_batch_dice,
    "focal-image-dice": mask_losses.focal_and_image_dice,
    "cross-entropy": mask_losses.cross_entropy,
}


def run_segmentation(job: Job, recipe: SegmentationRecipe, timer: Timer) -> Outcome:
    """Train a decoder on one task."""
    seed, device, precision = job.spec.seed, job.machine.device, job.spec.precision
    with timer.phase("build"):
        encoder, report = build(job.model, job.weights, seed)
        spec = recipe.image_spec(encoder.image_spec)
        try_encoder(encoder, spec, device, precision)
        reader = Reader.of(encoder, recipe, spec, device, precision)
        with torch.random.fork_rng():
            torch.manual_seed(derive("head", seed))
            decoder = make_decoder(recipe.decoder, reader, spec.size)
        frozen = recipe.encoder == "frozen"
        module = Segmenter(reader, decoder, _training(recipe), seed, frozen=frozen)
    inputs = Inputs.make(job, recipe, reader, spec, report, timer)
    with timer.phase("fit"):
        result = fit(
            module,
            inputs.training_loader(),
            inputs.loader(recipe.select.split),
            _settings(job, recipe, inputs.accumulate),
            job.folder / "fit",
        )
    with timer.phase("predict"):
        masks = _predict(module, inputs, job)
    selection: dict[str, Any] = {
        "split": recipe.select.split,
        "metric": recipe.select.name,
        "value": result.value,
        "epoch": result.epoch,
    }
    # Of the losses with Dice the logarithm is taken of a whole batch.
    of_batch = recipe.loss != "cross-entropy"
    notes = notes_on_parts(job.spec.micro_batch, recipe.batch_size, module, of_batch)
    warnings = [*report.warnings, *reader.notes, *notes]
    return Outcome({"test": masks}, selection, report, inputs.context, warnings)


def _training(recipe: SegmentationRecipe) -> Training:
    return Training(
        loss=_LOSSES[recipe.loss],
        auxiliary_weight=recipe.decoder.auxiliary_weight,
        monitor=partial(monitored, recipe.select),
        optimizers=lambda module: configured(
            recipe.optimizer, recipe.schedule, module.encoder, module.decoder
        ),
        plateau=plateau_of(recipe.schedule),
    )


def _settings(job: Job, recipe: SegmentationRecipe, accumulate: int) -> FitSettings:
    return FitSettings(
        epochs=recipe.rounds,
        accumulate=accumulate,
        validate_every=1 if recipe.iterations is not None else recipe.validate_every,
        early_stop=recipe.early_stop,
        clip_grad_norm=recipe.clip_grad_norm,
        precision=job.spec.precision,
        device=job.machine.device,
    )


def _predict(module: Segmenter, inputs: Inputs, job: Job) -> Masks:
    """Predicted and true masks of the test split, at the size that the recipe compares them at."""
    split, masks = job.data.splits["test"], inputs.masks
    shapes, predicted, true = [], [], []
    at_input = inputs.recipe.evaluate_at == "input"
    for sample, found in zip(split.samples, _probabilities(module, inputs, job), strict=True):
        mask = masks[sample] if at_input else masks.original(sample)
        shape = (mask.shape[0], mask.shape[1])
        given = found if at_input else from_input(found, shape, inputs.spec)
        shapes.append(shape)
        predicted.append(pack_mask(given >= HALF))
        true.append(pack_mask(mask))
    return Masks(split.samples, job.data.labels, split.labels, shapes, predicted, true)


def _probabilities(module: Segmenter, inputs: Inputs, job: Job) -> Iterator[Probabilities]:
    """Those of every test image in order, H×W at the encoder's input."""
    device = job.machine.device
    module.to(device).eval()
    to_device(module.reader.encoder, device)
    for batch in track(inputs.loader("test"), "predicting test"):
        with torch.inference_mode(), autocast(device, job.spec.precision):
            logits = module.outputs(batch.to(device))[0]
        yield from torch.sigmoid(logits.float()).cpu().numpy().astype(np.float32)
