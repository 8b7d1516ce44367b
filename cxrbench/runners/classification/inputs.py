"""What fine-tuning reads: prepared images, or the frozen trunk's output computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.encoder import ImageEncoder
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.kept import NOTHING, Kept, Source, Splits, has_frozen_trunk
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training.loading import (
    Augmentation,
    Collate,
    EpochSampler,
    ResumableLoader,
    RowDataset,
)
from cxrbench.weights.report import LoadReport


@dataclass(frozen=True)
class Inputs:
    """Loaders of one fine-tuning run.

    Attributes:
        job: The run.
        recipe: Its recipe.
        spec: Preprocessing of the encoder's input.
        training: Store the training split is read from.
        images: Store of images at the encoder's geometry.
        context: Whether the encoder is told the clinical context.
        kept: Trunk features, where the encoder has a frozen trunk.
    """

    job: Job
    recipe: ClassificationRecipe
    spec: ImageSpec
    training: RowStore
    images: RowStore
    context: bool
    kept: Kept = NOTHING

    @classmethod
    def make(
        cls,
        job: Job,
        recipe: ClassificationRecipe,
        encoder: ImageEncoder,
        report: LoadReport,
        timer: Timer,
    ) -> Inputs:
        """Prepare what the run will read, using all that is there already."""
        spec = recipe.image_spec(encoder.image_spec)
        source = recipe.source_spec(encoder.image_spec)
        try_encoder(encoder, spec, job.machine.device, job.spec.precision)
        images = prepared_store(job.task.dataset, job.data, spec)
        training = images if source == spec else prepared_store(job.task.dataset, job.data, source)
        with timer.phase("images"):
            for name in SPLITS:
                store = training if name == "train" else images
                own = source if name == "train" else spec
                prepare(store, job.data.splits[name].samples, own)
        context = recipe.context and "context" in job.model.capabilities
        inputs = cls(job, recipe, spec, training, images, context)
        if not has_frozen_trunk(encoder, job.model) or recipe.augment is not None:
            return inputs
        # What every epoch reads; the test split is read once, and may be it, too.
        splits: Splits = [(name, job.data.splits[name]) for name in ("train", recipe.select.split)]
        with timer.phase("trunk"):
            kept = Source(job, report, images, spec, recipe.batch_size).trunk(encoder, splits)
        return replace(inputs, kept=kept)

    def training_loader(self) -> ResumableLoader:
        """The training split, shuffled by the seed."""
        recipe, seed = self.recipe, self.job.spec.seed
        sampler = EpochSampler(
            len(self.job.data.splits["train"]),
            self.job.spec.micro_batch or recipe.batch_size,
            seed=seed,
            drop_last=recipe.drop_last,
        )
        augment = Augmentation(self.spec.size, seed) if recipe.augment else None
        return self._loader("train", sampler, augment)

    def loader(self, name: SplitName) -> ResumableLoader:
        """A split in order, in batches that the run id tells."""
        recipe = self.recipe
        size = encoded_at_once(recipe, self.job.spec.micro_batch, recipe.batch_size)
        return self._loader(name, EpochSampler(len(self.job.data.splits[name]), size, seed=None))

    def _loader(
        self, name: SplitName, sampler: EpochSampler, augment: Augmentation | None = None
    ) -> ResumableLoader:
        images = self.training if augment is not None else self.images
        store, rows = self.kept.of(name, images)
        own = rows == "images"
        return ResumableLoader(
            RowDataset(self.job.data.splits[name], store, augment=augment),
            sampler,
            Collate(self.spec if own else None, self.context),
            self.job.machine.workers if own else 0,
        )
