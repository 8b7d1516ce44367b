"""The runner of report generation: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.predictions import Predictions
from cxrbench.runners.base import Job, Outcome, Workload
from cxrbench.runners.batches import micro_batch
from cxrbench.runners.reports.recipe import ReportRecipe
from cxrbench.runners.reports.scoring import texts_input
from cxrbench.runners.reports.targets import reports_of
from cxrbench.runners.scoring import Scores, score_all
from cxrbench.timing import Timer


class ReportRunner:
    """Runs tasks of the type `reports`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`."""
        return ReportRecipe.read(fields).fields

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`.

        A card that tells its widths tells its grid and latents too. One that tells none is tried
        when it runs.
        """
        if "image" not in model.capabilities:
            return "the model encodes no images"
        dims = model.dims
        if dims.pooled is not None and dims.grid is None and dims.latents is None:
            return "the model has neither a grid nor latents for a decoder to read"
        if recipe["encoder"] == "finetune" and "trainable" not in model.capabilities:
            return "the model has nothing to train"
        return None

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """See `Runner.needs_side_files`; a decoder may write in the encoder's own tokens."""
        settings = ReportRecipe.model_validate(recipe)
        own = getattr(settings.generator, "vocabulary", None) == "model"
        return own or (settings.context and "context" in model.capabilities)

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`."""
        settings = ReportRecipe.model_validate(recipe)
        return micro_batch(settings.batch_size, settings.accumulate, asked)

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """See `Runner.work`."""
        settings = ReportRecipe.model_validate(recipe)
        counts = {
            name: len(reports_of(split, settings, name)) * settings.views
            for name, split in data.splits.items()
        }
        judged = counts[settings.select.split]
        if settings.validation.samples is not None:
            judged = min(judged, settings.validation.samples * settings.views)
        words = f"up to {settings.epochs} epochs of {counts['train']:,} images, "
        words += f"reports of {counts['test']:,} written once"
        total = sum(counts.values())
        pooled = total // settings.views if settings.floors else 0
        untimed = ("decoder",)
        if settings.encoder == "frozen":
            encoded = counts["train"] + judged + counts["test"] + pooled
            words = f"encoder frozen, {words}"
            return Workload(words, prepared=total, encoded=encoded, untimed=untimed)
        validated = settings.epochs // settings.validate_every * judged
        return Workload(
            words,
            prepared=total,
            encoded=validated + counts["test"] + pooled,
            trained=settings.epochs * counts["train"],
            untimed=untimed,
        )

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch and Lightning are imported when something is run, not to plan it.
        from cxrbench.runners.reports.train import run_reports

        return run_reports(job, ReportRecipe.model_validate(job.spec.recipe), timer)

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> TextInput:
        """See `Runner.metric_input`."""
        return texts_input(predictions["test"], recipe["metrics"])

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score the reports of the test split, and under `conditions` those without a decoder."""
        metrics = recipe["metrics"]
        found = {name: texts_input(one, metrics) for name, one in predictions.items()}
        test = found.pop("test")
        conditions = {name.removeprefix("test-").replace("-", " "): d for name, d in found.items()}
        return score_all(test, predictions["test"].samples, metrics, conditions)
