"""What a segmentation run reads: images or what was computed from them before, and masks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.prepared_masks import TrueMasks
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.encoder import FrozenTrunk
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.kept import has_frozen_trunk, keep, trunk_of
from cxrbench.runners.keys import feature_store
from cxrbench.runners.segmentation.batches import Collate, MaskedRows
from cxrbench.runners.segmentation.features import Reader
from cxrbench.runners.segmentation.recipe import SegmentationRecipe
from cxrbench.timing import Timer
from cxrbench.training.features import Extractor
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
        kept: Store of what the frozen part of the encoder gives, if any.
        kept_rows: What its rows are: `features` or `trunk`.
        kept_splits: Splits that are read from it.
    """

    job: Job
    recipe: SegmentationRecipe
    spec: ImageSpec
    images: RowStore
    masks: TrueMasks
    context: bool
    kept: RowStore | None = None
    kept_rows: str = ""
    kept_splits: frozenset[SplitName] = frozenset()

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
        if recipe.encoder == "frozen":
            with timer.phase("features"):
                return inputs._with_features(reader, report)
        if has_frozen_trunk(reader.encoder, job.model) and not recipe.flip:
            with timer.phase("trunk"):
                return inputs._with_trunk(reader.encoder, report)
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
        kept = self.kept is not None and name in self.kept_splits
        store = self.kept if self.kept is not None and kept else self.images
        return ResumableLoader(
            MaskedRows(self.job.data.splits[name], store, self.masks, flip_seed),
            sampler,
            Collate(self.kept_rows if kept else "images", self.spec, self.context),
            0 if kept else self.job.machine.workers,
        )

    def _with_features(self, reader: Reader, report: LoadReport) -> Inputs:
        """The same, with features of what every epoch reads kept on disk while there is room."""
        kind = f"segmentation-{reader.kind}"
        store = feature_store(self.job, report, self.images, self.spec, kind, self.context)
        # Mirrored images have other features, so training images are encoded as they come.
        names: list[SplitName] = [self.recipe.select.split]
        names = names if self.recipe.flip else ["train", *names]
        splits = [(name, self.job.data.splits[name]) for name in names]
        kept = keep(self._extractor(self.context), store, splits, reader.rows, "features")
        return replace(self, kept=store, kept_rows="features", kept_splits=kept)

    def _with_trunk(self, encoder: FrozenTrunk, report: LoadReport) -> Inputs:
        """The same, with the output of the frozen trunk of what every epoch reads."""
        store = feature_store(self.job, report, self.images, self.spec, "trunk", context=False)
        names: list[SplitName] = ["train", self.recipe.select.split]
        splits = [(name, self.job.data.splits[name]) for name in names]
        kept = keep(
            self._extractor(context=False), store, splits, trunk_of(encoder), "trunk features"
        )
        return replace(self, kept=store, kept_rows="trunk", kept_splits=kept)

    def _extractor(self, context: bool) -> Extractor:
        return Extractor(
            self.images, self.spec, self.job.machine.device, self.job.spec.precision,
            self.job.machine.batch_size or self.recipe.batch_size, context,
            kept_as="float16" if self.recipe.encoder == "frozen" else "float32",
        )  # fmt: skip
