"""What a run of report generation reads: reports, and images or what was computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.kept import NOTHING, Kept, Source, Splits, has_frozen_trunk
from cxrbench.runners.reports.batches import Collate, Hints, ReportRows
from cxrbench.runners.reports.memory import MemoryReader
from cxrbench.runners.reports.recipe import ReportRecipe
from cxrbench.runners.reports.targets import Reports
from cxrbench.timing import Timer
from cxrbench.training.loading import EpochSampler, ResumableLoader
from cxrbench.weights.report import LoadReport


@dataclass(frozen=True)
class Inputs:
    """Loaders of one run.

    Attributes:
        job: The run.
        recipe: Its recipe.
        source: Prepared images of the encoder.
        reports: Of every split.
        context: Whether the encoder is told the clinical context.
        kept: What the frozen part of the encoder gives, as far as it is kept.
        hints: What the prompts of a split tell, in the order of its reports.
    """

    job: Job
    recipe: ReportRecipe
    source: Source
    reports: Mapping[SplitName, Reports]
    context: bool
    kept: Kept = NOTHING
    hints: Mapping[SplitName, Sequence[Hints]] | None = None

    @classmethod
    def make(
        cls,
        job: Job,
        recipe: ReportRecipe,
        reader: MemoryReader,
        spec: ImageSpec,
        report: LoadReport,
        reports: Mapping[SplitName, Reports],
        timer: Timer,
    ) -> Inputs:
        """Prepare what the run will read, using all that is there already.

        Raises:
            DataError: When an image cannot be read.
        """
        images = prepared_store(job.task.dataset, job.data, spec)
        with timer.phase("images"):
            for name in SPLITS:
                prepare(images, reports[name].read.samples, spec)
        context = recipe.context and "context" in job.model.capabilities
        source = Source(job, report, images, spec, recipe.batch_size, recipe.one_at_a_time)
        inputs = cls(job, recipe, source, reports, context)
        judged = inputs.validated
        splits: Splits = [
            ("train", reports["train"].read),
            (recipe.select.split, judged.read),
        ]
        if recipe.encoder == "frozen":
            with timer.phase("features"):
                kept = source.features(
                    reader.rows, splits, kind="memory", rows="memory", context=context
                )
            return replace(inputs, kept=kept)
        if has_frozen_trunk(reader.encoder, job.model):
            with timer.phase("trunk"):
                return replace(inputs, kept=source.trunk(reader.encoder, splits))
        return inputs

    @property
    def validated(self) -> Reports:
        """The reports that an epoch is judged by."""
        return self.reports[self.recipe.select.split].head(self.recipe.validation.samples)

    @property
    def micro_batch(self) -> int:
        """Reports at once in training."""
        return self.job.spec.micro_batch or self.recipe.batch_size

    @property
    def accumulate(self) -> int:
        """Batches an optimiser step."""
        return self.recipe.accumulate * self.recipe.batch_size // self.micro_batch

    @property
    def notes(self) -> list[str]:
        """What a reader of the record should know."""
        sections = " or ".join(self.recipe.text)
        told = [
            f"{found.left_out:,} images of {name} have no {sections} and are left out"
            for name, found in self.reports.items()
            if found.left_out
        ]
        if self.recipe.encoder == "frozen" and "train" not in self.kept.splits:
            told.append("the memory of training images had no room on disk: encoded in each epoch")
        return told

    def training_loader(self) -> ResumableLoader:
        """The training split, shuffled by the seed; processes that train together share it."""
        sampler = EpochSampler(
            len(self.reports["train"]),
            self.micro_batch,
            seed=self.job.spec.seed,
            drop_last=self.recipe.drop_last,
            shared=True,
        )
        return self._loader("train", self.reports["train"], sampler)

    def validation_loader(self) -> ResumableLoader:
        """What an epoch is judged by, in order."""
        return self._in_order(self.recipe.select.split, self.validated)

    def test_loader(self) -> ResumableLoader:
        """The test split, in order."""
        return self._in_order("test", self.reports["test"])

    def _in_order(self, name: SplitName, reports: Reports) -> ResumableLoader:
        asked = self.job.machine.batch_size or self.job.spec.micro_batch
        size = encoded_at_once(self.recipe, asked, self.recipe.batch_size)
        return self._loader(name, reports, EpochSampler(len(reports), size, seed=None))

    def _loader(self, name: SplitName, reports: Reports, sampler: EpochSampler) -> ResumableLoader:
        store, rows = self.kept.of(name, self.source.images)
        hints = None if self.hints is None else self.hints[name]
        return ResumableLoader(
            ReportRows(reports, store, hints),
            sampler,
            Collate(rows, self.source.spec, self.context),
            self.job.machine.workers if rows == "images" else 0,
        )
