"""The retrieval runner: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages
from cxrbench.metrics.retrieval_inputs import RetrievalInput, shuffled_batches
from cxrbench.predictions import Predictions, Similarities
from cxrbench.runners.base import Job, Outcome, Workload
from cxrbench.runners.comparing import way_to_compare, why_not_comparable
from cxrbench.runners.retrieval.recipe import RetrievalRecipe
from cxrbench.runners.scoring import Scores, score_all
from cxrbench.timing import Timer


class RetrievalRunner:
    """Runs tasks of the type `retrieval`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`."""
        return RetrievalRecipe.read(fields).fields

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`."""
        return None if way_to_compare(model) else why_not_comparable(model)

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """See `Runner.needs_side_files`."""
        return True

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`."""
        return None

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """See `Runner.work`."""
        settings = RetrievalRecipe.model_validate(recipe)
        test = data.splits["test"]
        told = any(s.context for s in test.samples) and "context" in model.capabilities
        passes = 2 if settings.both_contexts and told else 1
        images = len(test)
        words = f"{images:,} images encoded {'twice' if passes == 2 else 'once'}, "
        words += f"{images:,} reports"
        work = Workload(words, prepared=images, encoded=passes * images)
        if way_to_compare(model) != "pairs":
            return replace(work, texts=images)
        pairs = passes * images**2
        return replace(work, words=f"{words}, {pairs:,} passes for their pairs", pairs=pairs)

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch is imported when something is run, not to plan it.
        from cxrbench.runners.retrieval.run import run_retrieval

        return run_retrieval(job, RetrievalRecipe.model_validate(job.spec.recipe), timer)

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> RetrievalInput:
        """See `Runner.metric_input`."""
        return _input(predictions["test"], RetrievalRecipe.model_validate(recipe))

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score the test split, and under `conditions` what else was predicted of it."""
        settings = RetrievalRecipe.model_validate(recipe)
        found = {name: _input(one, settings) for name, one in predictions.items()}
        test = found.pop("test")
        conditions = {name.removeprefix("test-").replace("-", " "): d for name, d in found.items()}
        return score_all(test, predictions["test"].samples, settings.metrics, conditions)


def _input(found: Predictions, settings: RetrievalRecipe) -> RetrievalInput:
    if not isinstance(found, Similarities):
        raise TypeError(f"retrieval is scored from similarities, not {type(found).__name__}")
    batches = None
    if settings.gallery_size is not None:
        batches = shuffled_batches(len(found), settings.gallery_size, settings.gallery_seed)
    labels = found.labels.astype(np.float64)
    studies = [sample.study for sample in found.samples]
    return RetrievalInput(found.values, labels, found.names, batches=batches, studies=studies)
