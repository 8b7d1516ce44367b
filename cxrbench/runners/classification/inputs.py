"""What fine-tuning reads: prepared images, or the frozen trunk's output computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.encoder import FrozenTrunk, ImageEncoder
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.kept import has_frozen_trunk, keep, trunk_of
from cxrbench.runners.keys import feature_store
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training.features import Extractor
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
        trunk: Store of trunk features, where the encoder has a frozen trunk.
        trunk_splits: Splits that are read from `trunk`.
        context: Whether the encoder is told the clinical context.
    """

    job: Job
    recipe: ClassificationRecipe
    spec: ImageSpec
    training: RowStore
    images: RowStore
    trunk: RowStore | None
    trunk_splits: frozenset[SplitName]
    context: bool

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
        inputs = cls(
            job, recipe, spec, training, images, None, frozenset(),
            recipe.context and "context" in job.model.capabilities,
        )  # fmt: skip
        if not has_frozen_trunk(encoder, job.model) or recipe.augment is not None:
            return inputs
        with timer.phase("trunk"):
            return inputs._with_trunk(encoder, report)

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
        from_trunk = self.trunk is not None and name in self.trunk_splits
        images = self.training if augment is not None else self.images
        store = self.trunk if self.trunk is not None and from_trunk else images
        return ResumableLoader(
            RowDataset(self.job.data.splits[name], store, augment=augment),
            sampler,
            Collate(None if from_trunk else self.spec, self.context),
            0 if from_trunk else self.job.machine.workers,
        )

    def _with_trunk(self, encoder: FrozenTrunk, report: LoadReport) -> Inputs:
        """The same inputs, with the trunk's output of what every epoch reads kept on disk.

        The splits read in every epoch come first; a split whose features would not fit into the
        budget (`CXRBENCH_TRUNK_GIB`) is read from its images instead.
        """
        job = self.job
        extractor = Extractor(
            self.images, self.spec, job.machine.device, job.spec.precision,
            job.machine.batch_size or self.recipe.batch_size, context=False,
        )  # fmt: skip
        store = feature_store(job, report, self.images, self.spec, "trunk", context=False)

        names: tuple[SplitName, ...] = ("train", self.recipe.select.split)
        splits = [(name, job.data.splits[name]) for name in names]
        kept = keep(extractor, store, splits, trunk_of(encoder), "trunk features")
        return replace(self, trunk=store, trunk_splits=kept)
