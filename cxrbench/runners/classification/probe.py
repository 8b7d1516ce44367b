"""Linear probing: frozen features, cached; logistic regression; C chosen on the selection split."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cxrbench.building import build
from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.encoder import ImageEncoder
from cxrbench.predictions import LabelScores, Predictions
from cxrbench.progress import track
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.classification.selection import monitor
from cxrbench.runners.keys import feature_store
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training.features import Extractor, pooled
from cxrbench.training.logistic import Logistic, Standardiser, fit_logistic
from cxrbench.weights.report import LoadReport

Array = npt.NDArray[np.float64]

_BATCH_SIZE = 32


def run_probe(job: Job, recipe: ClassificationRecipe, timer: Timer) -> Outcome:
    """Probe one encoder on one task."""
    with timer.phase("build"):
        encoder, report = build(job.model, job.weights, job.spec.seed)
    context = recipe.context and "context" in job.model.capabilities
    store = _features(job, recipe, encoder, report, context, timer)
    with timer.phase("fit"):
        standardise = Standardiser.fit(_matrix(store, job, "train"))
        features = {name: standardise(_matrix(store, job, name)) for name in SPLITS}
        model, selection = _choose(job, recipe, features)
    judged: tuple[SplitName, ...] = ("val", "test")
    predictions: dict[str, Predictions] = {
        name: LabelScores.of(
            job.data.splits[name], job.data.labels, model.probabilities(features[name])
        )
        for name in judged
    }
    return Outcome(predictions, selection, report, context, report.warnings)


def _features(
    job: Job,
    recipe: ClassificationRecipe,
    encoder: ImageEncoder,
    report: LoadReport,
    context: bool,
    timer: Timer,
) -> RowStore:
    """The store with the pooled features of every split."""
    spec = recipe.image_spec(encoder.image_spec)
    try_encoder(encoder, spec, job.machine.device, job.spec.precision)
    images = prepared_store(job.task.dataset, job.data, spec)
    store = feature_store(job, report, images, spec, "pooled", context, recipe.one_at_a_time)
    batch_size = encoded_at_once(recipe, job.machine.batch_size, _BATCH_SIZE)
    extractor = Extractor(images, spec, job.machine.device, job.spec.precision, batch_size, context)
    for name in SPLITS:
        split = job.data.splits[name]
        with timer.phase("images"):
            prepare(images, split.samples, spec)
        with timer.phase("features"):
            extractor.fill(store, split, pooled(encoder), f"features of {name}")
    return store


def _matrix(store: RowStore, job: Job, name: SplitName) -> Array:
    return store.stack(job.data.splits[name].ids).astype(np.float64)


def _choose(
    job: Job, recipe: ClassificationRecipe, features: dict[SplitName, Array]
) -> tuple[Logistic, dict[str, Any]]:
    """Fit every C, keep the best on the selection split; the smallest C wins a tie."""
    train, judge = job.data.splits["train"], job.data.splits[recipe.select.split]
    fits: list[tuple[float, Logistic, float]] = []
    start: Logistic | None = None
    for c in track(sorted(recipe.c_grid), "choosing C"):
        start = fit_logistic(features["train"], train.labels, c, start)
        scores = start.probabilities(features[recipe.select.split])
        value = monitor(recipe.select, LabelScores.of(judge, job.data.labels, scores))
        fits.append((c, start, value))
    values = np.array([value for _, _, value in fits])
    best = 0 if np.isnan(values).all() else int(np.nanargmax(values))
    c, model, value = fits[best]
    selection = {
        "split": recipe.select.split,
        "metric": recipe.select.name,
        "value": None if np.isnan(value) else value,
        "hyperparameters": {"C": c},
    }
    return model, selection
