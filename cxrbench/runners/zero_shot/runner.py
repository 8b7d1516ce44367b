"""The zero-shot runner: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.predictions import LabelScores, Predictions
from cxrbench.runners.base import Job, Outcome, Workload
from cxrbench.runners.comparing import way_to_compare, why_not_comparable
from cxrbench.runners.scoring import Scores, score_all
from cxrbench.runners.zero_shot.recipe import ZeroShotRecipe
from cxrbench.timing import Timer

HEALTHY = "against images without findings"


class ZeroShotRunner:
    """Runs tasks of the type `zero-shot`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`; prompts are looked up, so that the recipe holds their texts."""
        return ZeroShotRecipe.read(fields).fields

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`."""
        if way_to_compare(model) is not None:
            return None
        if "image" not in model.capabilities or "closed-vocabulary" not in model.capabilities:
            return why_not_comparable(model)
        findings = ZeroShotRecipe.model_validate(recipe).prompts.findings.values()
        unknown = [each.name for each in findings if each.name not in model.vocabulary]
        if unknown:
            return f"the model's list of findings does not have {', '.join(unknown)}"
        return None

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """See `Runner.needs_side_files`."""
        return True

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`."""
        return None

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """See `Runner.work`."""
        settings = ZeroShotRecipe.model_validate(recipe)
        images = len(data.splits["test"])
        texts = sum(len(each.texts) for each in settings.prompts.described)
        told = any(sample.context for sample in data.splits["test"].samples)
        passes = 2 if settings.both_contexts and told and "context" in model.capabilities else 1
        words = f"{images:,} images encoded {'twice' if passes == 2 else 'once'}"
        work = Workload(words, prepared=images, encoded=passes * images)
        way = way_to_compare(model)
        if way is None:
            return work  # a closed vocabulary reads no prompts
        if way == "joint":
            return replace(work, words=f"{words}, {texts} prompts", texts=texts)
        pairs = passes * images * texts
        return replace(work, words=f"{words}, {pairs:,} passes with prompts", pairs=pairs)

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch is imported when something is run, not to plan it.
        from cxrbench.runners.zero_shot.run import run_zero_shot

        return run_zero_shot(job, ZeroShotRecipe.model_validate(job.spec.recipe), timer)

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> ClassificationInput:
        """See `Runner.metric_input`."""
        return _input(predictions["test"])

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score the test split, and under `conditions` what else was predicted of it."""
        settings = ZeroShotRecipe.model_validate(recipe)
        found = {name: _input(one) for name, one in predictions.items()}
        test = found.pop("test")
        conditions = {name.removeprefix("test-").replace("-", " "): d for name, d in found.items()}
        if settings.healthy_negatives:
            conditions[HEALTHY] = _against_healthy(test)
        return score_all(test, predictions["test"].samples, settings.metrics, conditions)


def _input(found: Predictions) -> ClassificationInput:
    if not isinstance(found, LabelScores):
        raise TypeError(f"zero-shot is scored from label scores, not {type(found).__name__}")
    return ClassificationInput(found.scores, found.labels.astype(np.float64), found.names)


def _against_healthy(data: ClassificationInput) -> ClassificationInput:
    """The same with a label unknown where it is absent and another one is present."""
    ill = (data.labels == 1).any(axis=1, keepdims=True)
    labels = np.where((data.labels == 0) & ill, np.nan, data.labels)
    return ClassificationInput(data.scores, labels, data.names, data.thresholds)
