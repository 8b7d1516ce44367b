"""Features of a frozen encoder, or of its frozen trunk: computed once, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from cxrbench.data.rowstore import Rows, RowStore
from cxrbench.data.samples import Split
from cxrbench.data.transforms import normalise
from cxrbench.encoder import ImageBatch, ImageEncoder
from cxrbench.hashing import sha256_json
from cxrbench.image_spec import ImageSpec
from cxrbench.paths import cache_dir

FEATURES_VERSION = 1
"""Raised when a change here gives other features for the same key."""

Compute = Callable[[ImageBatch], Tensor]


@dataclass(frozen=True)
class FeatureKey:
    """All that changes a frozen feature, apart from the image itself.

    Attributes:
        encoder: Identity of the encoder.
        weights: Digest of the weights.
        seed: What decides the values that were not loaded; None when all were.
        spec: Preprocessing.
        precision: Of the computation.
        context: Whether clinical context was given.
        kind: Which output, such as `pooled` or `trunk`.
        images: Where the prepared images lie.
        one_at_a_time: Whether each image was a batch of its own, because features depend on it.
    """

    encoder: str
    weights: dict[str, str]
    seed: int | None
    spec: ImageSpec
    precision: str
    context: bool
    kind: str
    images: str
    one_at_a_time: bool = False

    def store(self) -> RowStore:
        """The store of these features."""
        fields = {
            # A key that says nothing new stays the one under which features lie already.
            **{k: v for k, v in self.__dict__.items() if k != "one_at_a_time" or v},
            "spec": self.spec.model_dump(mode="json"),
            "version": FEATURES_VERSION,
        }
        return RowStore(cache_dir() / "features" / sha256_json(fields)[:24])


@dataclass(frozen=True)
class Extractor:
    """Runs an encoder over a split in fixed batches.

    Attributes:
        images: Store of prepared images.
        spec: Normalisation of the encoder's input.
        device: A torch device.
        precision: `32`, `bf16` or `16`.
        batch_size: Images at once.
        context: Whether clinical context is given.
        kept_as: Type of the numbers that are kept.
    """

    images: RowStore
    spec: ImageSpec
    device: str
    precision: str
    batch_size: int
    context: bool
    kept_as: Literal["float32", "float16"] = "float32"

    def fill(
        self,
        store: RowStore,
        split: Split,
        compute: Compute,
        title: str | None,
        row_bytes: int | None = None,
    ) -> int:
        """Compute what `store` lacks of `split`; returns how many rows that were.

        `row_bytes`, where the caller knows it, saves computing a row to find its size. Without a
        title no progress is shown.
        """
        if not len(split):
            return 0
        stamps = [self._stamp(split, position) for position in range(len(split))]
        if row_bytes is None:
            row_bytes = self.row_bytes(split, compute) if store.missing(split.ids, stamps) else 0
        return store.fill(
            split.ids,
            stamps,
            lambda positions: self._rows(split, positions, compute),
            row_bytes=row_bytes,
            title=title,
        )

    def row_bytes(self, split: Split, compute: Compute) -> int:
        """Size of one row, found by computing the first."""
        return self._rows(split, [0], compute).nbytes

    def _stamp(self, split: Split, position: int) -> str:
        """The image file, and what else the encoder is told about it."""
        sample = split.samples[position]
        told = f"{sample.view}|{sample.context}" if self.context else f"{sample.view}"
        return f"{sample.stamp}|{told}"

    def _rows(self, split: Split, positions: list[int], compute: Compute) -> Rows:
        batches = [
            self._batch(split, positions[start : start + self.batch_size], compute)
            for start in range(0, len(positions), self.batch_size)
        ]
        return np.concatenate(batches)

    def _batch(self, split: Split, positions: list[int], compute: Compute) -> Rows:
        samples = [split.samples[position] for position in positions]
        rows = torch.from_numpy(self.images.stack([sample.id for sample in samples]))
        batch = ImageBatch(
            pixels=normalise(rows.to(self.device), self.spec),
            view=[sample.view for sample in samples],
            context=[sample.context for sample in samples] if self.context else None,
        )
        with torch.inference_mode(), autocast(self.device, self.precision):
            features = compute(batch).to(getattr(torch, self.kept_as)).cpu().numpy()
        return features


def autocast(device: str, precision: str) -> torch.autocast:
    """The autocast context of a precision; `32` switches it off."""
    dtype = torch.float16 if precision == "16" else torch.bfloat16
    return torch.autocast(torch.device(device).type, dtype=dtype, enabled=precision != "32")


def pooled(encoder: ImageEncoder) -> Compute:
    """The pooled vectors of an encoder, moved to where the batch is."""

    def compute(batch: ImageBatch) -> Tensor:
        return encoder.encode_image(batch).pooled

    return compute


def to_device(encoder: object, device: str) -> None:
    """Move an encoder that is a torch module; a NumPy encoder stays where it is."""
    if isinstance(encoder, nn.Module):
        encoder.to(device)
