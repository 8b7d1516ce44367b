"""The classification runner: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages, SplitName
from cxrbench.errors import BadRequest, PluginError
from cxrbench.metrics.f1 import choose_thresholds
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.score import ScoredMetric, score
from cxrbench.predictions import Predictions
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.classification.recipe import ClassificationRecipe, fields_of
from cxrbench.timing import Timer


class ClassificationRunner:
    """Runs tasks of the type `classification`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`."""
        try:
            return fields_of(ClassificationRecipe.model_validate(fields))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "recipe"
            raise PluginError(
                "the classification recipe is not valid",
                why=f"{where}: {first['msg']}",
                fix="correct the protocol, or what the task card sets for it",
            ) from error

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`."""
        if "image" not in model.capabilities:
            return "the model encodes no images"
        if recipe["mode"] == "finetune" and "trainable" not in model.capabilities:
            return "the model has nothing to train"
        return None

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`."""
        settings = ClassificationRecipe.model_validate(recipe)
        if asked is None or settings.mode != "finetune" or asked == settings.batch_size:
            return None
        effective = settings.batch_size * settings.accumulate
        if effective % asked:
            raise BadRequest(
                f"--batch-size {asked} does not divide the recipe's batch",
                why=f"the protocol trains with {effective} images an optimiser step",
                fix=f"choose a divisor of {effective}; the rest is accumulated",
            )
        return asked

    def work(self, recipe: Mapping[str, Any], data: LabelledImages) -> str:
        """See `Runner.work`."""
        sizes = {name: len(split) for name, split in data.splits.items()}
        if recipe["mode"] == "linear-probe":
            return f"{sum(sizes.values()):,} images encoded once, {len(recipe['c_grid'])} fits"
        epochs = recipe["epochs"]
        return f"up to {epochs} epochs of {sizes['train']:,} images, {sizes['test']:,} tested once"

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch and Lightning are imported when something is run, not to plan it.
        from cxrbench.runners.classification.finetune import run_finetune
        from cxrbench.runners.classification.probe import run_probe

        recipe = ClassificationRecipe.model_validate(job.spec.recipe)
        if recipe.mode == "finetune":
            return run_finetune(job, recipe, timer)
        return run_probe(job, recipe, timer)

    def score(
        self, recipe: Mapping[str, Any], predictions: Mapping[SplitName, Predictions]
    ) -> dict[str, ScoredMetric]:
        """Score the test split; thresholds come from the validation split."""
        test, val = predictions["test"], predictions["val"]
        data = ClassificationInput(
            scores=test.scores,
            labels=test.labels.astype(np.float64),
            names=test.names,
            thresholds=choose_thresholds(val.scores, val.labels.astype(np.float64)),
        )
        groups = [sample.patient for sample in test.samples]
        return score(data, recipe["metrics"], groups)
