"""What is explained: an encoder, filled, and images with what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from cxrbench.cards import ModelCard
from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Sample, Split
from cxrbench.data.transforms import normalise
from cxrbench.encoder import ImageBatch, ImageEncoder
from cxrbench.explain.source import Source
from cxrbench.progress import track
from cxrbench.training.features import Extractor, FeatureKey, pooled
from cxrbench.training.seeds import derive
from cxrbench.weights.choice import Weights
from cxrbench.weights.report import LoadReport

_BATCH = 16
_PRECISION = "32"


@dataclass(frozen=True)
class Subject:
    """An encoder and images.

    Attributes:
        model: The model card.
        identity: Of card and code.
        encoder: In evaluation mode, on `device`.
        weights: What it was filled with.
        load: How they matched.
        source: The images.
        images: How many are pictured where images are shown one by one.
        seed: Decides which, and the values of random weights.
        device: A torch device.
    """

    model: ModelCard
    identity: str
    encoder: ImageEncoder
    weights: Weights
    load: LoadReport
    source: Source
    images: int
    seed: int
    device: str

    @property
    def uses_context(self) -> bool:
        """Whether the encoder is told the clinical context."""
        return "context" in self.model.capabilities

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers that depend on seed and purpose."""
        return np.random.default_rng(derive("explain", purpose, self.seed))

    def draw(self, rows: Sequence[int], most: int, purpose: str) -> list[int]:
        """At most so many of the rows, drawn by the seed, in a drawn order."""
        order = self.generator(purpose).permutation(len(rows))
        return [rows[position] for position in order[:most]]

    def batches(
        self, samples: Sequence[Sample], title: str
    ) -> Iterator[tuple[Sequence[Sample], ImageBatch]]:
        """Samples a few at a time, each time with the batch an encoder takes."""
        prepare(self._store, samples, self.encoder.image_spec)
        parts = [samples[start : start + _BATCH] for start in range(0, len(samples), _BATCH)]
        for part in track(parts, title, total=len(samples), weigh=len):
            yield part, self._batch(part)

    def pooled(self, split: Split, title: str) -> npt.NDArray[np.float64]:
        """N×D pooled features, computed once and kept."""
        spec = self.encoder.image_spec
        prepare(self._store, split.samples, spec)
        extractor = Extractor(
            self._store, spec, self.device, _PRECISION, _BATCH, context=self.uses_context
        )
        extractor.fill(self._features, split, pooled(self.encoder), title)
        return self._features.stack(split.ids).astype(np.float64)

    def _batch(self, samples: Sequence[Sample]) -> ImageBatch:
        rows = torch.from_numpy(self._store.stack([sample.id for sample in samples]))
        return ImageBatch(
            pixels=normalise(rows.to(self.device), self.encoder.image_spec),
            view=[sample.view for sample in samples],
            context=[sample.context for sample in samples] if self.uses_context else None,
        )

    @cached_property
    def _store(self) -> RowStore:
        return prepared_store(self.source.card, self.source.data, self.encoder.image_spec)

    @cached_property
    def _features(self) -> RowStore:
        loaded = self.weights.source == "none" or self.load.complete
        return FeatureKey(
            encoder=self.identity,
            weights=self.weights.digest,
            seed=None if loaded else self.seed,
            spec=self.encoder.image_spec,
            precision=_PRECISION,
            context=self.uses_context,
            kind="pooled",
            images=str(self._store.folder),
        ).store()


def rows_of(split: Split, rows: Sequence[int]) -> Split:
    """Some samples of a split, in that order."""
    chosen = list(rows)
    return Split(
        tuple(split.samples[row] for row in chosen),
        split.labels[chosen],
        split.official,
        None if split.mentions is None else split.mentions[chosen],
    )
