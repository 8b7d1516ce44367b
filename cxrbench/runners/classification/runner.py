"""The classification runner: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages
from cxrbench.metrics.f1 import choose_thresholds
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.predictions import LabelScores, Predictions
from cxrbench.runners.base import Job, Outcome, Workload
from cxrbench.runners.batches import micro_batch
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.scoring import Scores, score_all
from cxrbench.timing import Timer


class ClassificationRunner:
    """Runs tasks of the type `classification`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`."""
        return ClassificationRecipe.read(fields).fields

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`."""
        if "image" not in model.capabilities:
            return "the model encodes no images"
        if recipe["mode"] == "finetune" and "trainable" not in model.capabilities:
            return "the model has nothing to train"
        return None

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """See `Runner.needs_side_files`."""
        return bool(recipe["context"]) and "context" in model.capabilities

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`."""
        settings = ClassificationRecipe.model_validate(recipe)
        if settings.mode != "finetune":
            return None
        return micro_batch(settings.batch_size, settings.accumulate, asked)

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """See `Runner.work`."""
        settings = ClassificationRecipe.model_validate(recipe)
        sizes = {name: len(split) for name, split in data.splits.items()}
        total = sum(sizes.values())
        if settings.mode == "linear-probe":
            words = f"{total:,} images encoded once, {len(settings.c_grid)} fits"
            return Workload(words, prepared=total, encoded=total)
        words = f"up to {settings.epochs} epochs of {sizes['train']:,} images, "
        words += f"{sizes['test']:,} tested once"
        validated = settings.epochs // settings.validate_every * sizes[settings.select.split]
        return Workload(
            words,
            prepared=total,
            encoded=validated + sizes["val"] + sizes["test"],
            trained=settings.epochs * sizes["train"],
        )

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch and Lightning are imported when something is run, not to plan it.
        from cxrbench.runners.classification.finetune import run_finetune
        from cxrbench.runners.classification.probe import run_probe

        recipe = ClassificationRecipe.model_validate(job.spec.recipe)
        if recipe.mode == "finetune":
            return run_finetune(job, recipe, timer)
        return run_probe(job, recipe, timer)

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> ClassificationInput:
        """See `Runner.metric_input`; thresholds come from the validation split."""
        test, val = _scores(predictions["test"]), _scores(predictions["val"])
        return ClassificationInput(
            scores=test.scores,
            labels=test.labels.astype(np.float64),
            names=test.names,
            thresholds=choose_thresholds(val.scores, val.labels.astype(np.float64)),
        )

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score the test split."""
        data = self.metric_input(recipe, predictions)
        return score_all(data, predictions["test"].samples, recipe["metrics"])


def _scores(found: Predictions) -> LabelScores:
    if not isinstance(found, LabelScores):
        raise TypeError(f"classification is scored from label scores, not {type(found).__name__}")
    return found
