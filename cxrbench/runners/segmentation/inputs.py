"""What a segmentation run reads: images or what was computed from them before, and masks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.prepared_masks import TrueMasks
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.kept import NOTHING, Kept, Source, Splits, has_frozen_trunk
from cxrbench.runners.segmentation.batches import Collate, MaskedRows
from cxrbench.runners.segmentation.features import Reader
from cxrbench.runners.segmentation.recipe import SegmentationRecipe
from cxrbench.timing import Timer
from cxrbench.training.loading import EpochSampler, ResumableLoader, StreamSampler
from cxrbench.weights.report import LoadReport


@dataclass(frozen=True)
class Inputs:
    """Loaders of one run.

    Attributes:
        job: The run.
        recipe: Its recipe.
        spec: Preprocessing of the encoder's input.
        images: Store of images.
        masks: True masks.
        context: Whether the encoder is told the clinical context.
        kept: What the frozen part of the encoder gives, as far as it is kept.
    """

    job: Job
    recipe: SegmentationRecipe
    spec: ImageSpec
    images: RowStore
    masks: TrueMasks
    context: bool
    kept: Kept = NOTHING

    @classmethod
    def make(
        cls,
        job: Job,
        recipe: SegmentationRecipe,
        reader: Reader,
        spec: ImageSpec,
        report: LoadReport,
        timer: Timer,
    ) -> Inputs:
        """Prepare what the run will read, using all that is there already.

        Raises:
            DataError: When an image or a mask cannot be read.
        """
        dataset, data = job.task.dataset, job.data
        images = prepared_store(dataset, data, spec)
        masks = TrueMasks.of(dataset, data, spec, recipe.boxes, recipe.ellipses)
        with timer.phase("images"):
            for name in SPLITS:
                prepare(images, data.splits[name].samples, spec)
                masks.prepare(data.splits[name].samples)
        context = recipe.context and "context" in job.model.capabilities
        inputs = cls(job, recipe, spec, images, masks, context)
        source = Source(job, report, images, spec, recipe.batch_size)
        splits: Splits = [(name, data.splits[name]) for name in ("train", recipe.select.split)]
        if recipe.encoder == "frozen":
            kind = f"segmentation-{reader.kind}"
            # Mirrored images have other features, so training images are encoded as they come.
            splits = splits[1:] if recipe.flip else splits
            with timer.phase("features"):
                kept = source.features(
                    reader.rows, splits, kind=kind, rows="features", context=context
                )
            return replace(inputs, kept=kept)
        if has_frozen_trunk(reader.encoder, job.model) and not recipe.flip:
            with timer.phase("trunk"):
                return replace(inputs, kept=source.trunk(reader.encoder, splits))
        return inputs

    @property
    def micro_batch(self) -> int:
        """Images at once in training."""
        return self.job.spec.micro_batch or self.recipe.batch_size

    @property
    def accumulate(self) -> int:
        """Batches an optimiser step."""
        return self.recipe.accumulate * self.recipe.batch_size // self.micro_batch

    def training_loader(self) -> ResumableLoader:
        """The training split, shuffled by the seed."""
        recipe, seed = self.recipe, self.job.spec.seed
        count = len(self.job.data.splits["train"])
        if recipe.iterations is None:
            sampler = EpochSampler(count, self.micro_batch, seed=seed, drop_last=recipe.drop_last)
        else:
            batches = recipe.validate_every * self.accumulate
            sampler = StreamSampler(count, self.micro_batch, seed=seed, batches=batches)
        return self._loader("train", sampler, seed if recipe.flip else None)

    def loader(self, name: SplitName) -> ResumableLoader:
        """A split in order; where the encoder is trained, in batches that the run id tells."""
        recipe, frozen = self.recipe, self.recipe.encoder == "frozen"
        asked = self.job.machine.batch_size if frozen else self.job.spec.micro_batch
        size = encoded_at_once(recipe, asked, recipe.batch_size)
        return self._loader(name, EpochSampler(len(self.job.data.splits[name]), size, seed=None))

    def _loader(
        self, name: SplitName, sampler: EpochSampler, flip_seed: int | None = None
    ) -> ResumableLoader:
        store, rows = self.kept.of(name, self.images)
        return ResumableLoader(
            MaskedRows(self.job.data.splits[name], store, self.masks, flip_seed),
            sampler,
            Collate(rows, self.spec, self.context),
            self.job.machine.workers if rows == "images" else 0,
        )
