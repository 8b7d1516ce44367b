"""The segmentation runner: checks, runs and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxrbench.cards import ModelCard
from cxrbench.data.samples import LabelledImages
from cxrbench.metrics.masks import MaskInput
from cxrbench.metrics.registry import get_metric
from cxrbench.predictions import Masks, Predictions
from cxrbench.runners.base import Job, Outcome, Workload
from cxrbench.runners.batches import micro_batch
from cxrbench.runners.scoring import Scores, score_all
from cxrbench.runners.segmentation.recipe import SegmentationRecipe
from cxrbench.timing import Timer


class SegmentationRunner:
    """Runs tasks of the type `segmentation`."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """See `Runner.recipe`."""
        return SegmentationRecipe.read(fields).fields

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """See `Runner.not_applicable`.

        A card that tells its widths tells its grid too. One that tells none is tried when it runs.
        """
        if "image" not in model.capabilities:
            return "the model encodes no images"
        if model.dims.pooled is not None and model.dims.grid is None:
            return "the model has no grid of features"
        if recipe["encoder"] == "finetune" and "trainable" not in model.capabilities:
            return "the model has nothing to train"
        return None

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """See `Runner.needs_side_files`."""
        return bool(recipe["context"]) and "context" in model.capabilities

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """See `Runner.micro_batch`; a frozen encoder takes images as they come."""
        settings = SegmentationRecipe.model_validate(recipe)
        if settings.encoder == "frozen":
            return None
        return micro_batch(settings.batch_size, settings.accumulate, asked)

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """See `Runner.work`."""
        settings = SegmentationRecipe.model_validate(recipe)
        sizes = {name: len(split) for name, split in data.splits.items()}
        total = sum(sizes.values())
        step = settings.batch_size * settings.accumulate
        if settings.iterations is None:
            seen = (settings.epochs or 1) * sizes["train"]
            words = f"up to {settings.epochs} epochs of {sizes['train']:,} images, "
            checks = settings.rounds // settings.validate_every
        else:
            seen = settings.iterations * step
            words = f"up to {settings.iterations:,} steps of {step} images, "
            checks = settings.rounds
        words += f"{sizes['test']:,} tested once"
        if settings.encoder == "frozen":
            once = seen if settings.flip else sizes["train"]
            encoded = once + sizes[settings.select.split] + sizes["test"]
            return Workload(f"encoder frozen, {words}", prepared=total, encoded=encoded)
        validated = checks * sizes[settings.select.split]
        return Workload(
            words,
            prepared=total,
            encoded=validated + sizes["test"],
            trained=seen,
            untimed=("decoder",),
        )

    def run(self, job: Job, timer: Timer) -> Outcome:
        """See `Runner.run`."""
        # Torch and Lightning are imported when something is run, not to plan it.
        from cxrbench.runners.segmentation.train import run_segmentation

        return run_segmentation(job, SegmentationRecipe.model_validate(job.spec.recipe), timer)

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> MaskInput:
        """See `Runner.metric_input`."""
        test = predictions["test"]
        if not isinstance(test, Masks):
            raise TypeError(f"segmentation is scored from masks, not {type(test).__name__}")
        # Distances take longer than all the rest, and are measured where they are asked for.
        distances = any(get_metric(name).unit == "pixels" for name in recipe["metrics"])
        return MaskInput.of(test, distances)

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score the test split."""
        data = self.metric_input(recipe, predictions)
        return score_all(data, predictions["test"].samples, recipe["metrics"])
