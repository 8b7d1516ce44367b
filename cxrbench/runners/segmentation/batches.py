"""Batches with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrbench.data.prepared_masks import TrueMasks
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split
from cxrbench.encoder import ImageBatch
from cxrbench.image_spec import ImageSpec
from cxrbench.training.loading import Position, arrived, told_of
from cxrbench.training.seeds import derive


@dataclass(frozen=True)
class MaskBatch:
    """A batch as the training module takes it, once it is on a device.

    Attributes:
        images: What the encoder is given; it has pixels or a trunk, unless there are features.
        masks: B×H×W uint8 of 0 and 1, at the encoder's input.
        features: B×K features of a frozen encoder, computed earlier.
        grey: B×H×W uint8 images that are not normalised yet.
        spec: How they are to be normalised.
    """

    images: ImageBatch
    masks: Tensor
    features: Tensor | None = None
    grey: Tensor | None = None
    spec: ImageSpec | None = None

    def __len__(self) -> int:
        return len(self.masks)

    def to(self, device: torch.device | str) -> MaskBatch:
        """The batch with its tensors on a device, ready for the encoder."""
        images = arrived(self.images, self.grey, self.spec, device)
        features = None if self.features is None else self.features.to(device)
        return MaskBatch(images, self.masks.to(device), features)


class MaskedRows(Dataset[Any]):
    """A split whose images, trunk outputs or features are read from a store, with its masks."""

    def __init__(
        self, split: Split, store: RowStore, masks: TrueMasks, flip_seed: int | None = None
    ) -> None:
        """Pair a split with both stores; with a seed half of the images are mirrored."""
        self.split = split
        self._store = store
        self._masks = masks
        self._flip_seed = flip_seed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: Position) -> dict[str, Any]:
        position, epoch = index
        sample = self.split.samples[position]
        row, mask = self._store[sample.id], self._masks[sample].astype(np.uint8)
        seed = self._flip_seed
        if seed is not None and derive("flip", seed, epoch, position) % 2:
            row, mask = row[:, ::-1], mask[:, ::-1]
        return {
            "row": torch.from_numpy(np.ascontiguousarray(row)),
            "mask": torch.from_numpy(np.ascontiguousarray(mask)),
            "view": sample.view,
            "context": sample.context,
        }


@dataclass(frozen=True)
class Collate:
    """Stacks rows and masks into a batch.

    Attributes:
        rows: What the rows are: `images`, `trunk` or `features`.
        spec: How images are normalised.
        context: Whether the encoder is told the clinical context.
    """

    rows: str
    spec: ImageSpec
    context: bool

    def __call__(self, items: Sequence[dict[str, Any]]) -> MaskBatch:
        """Stack the items of one batch."""
        rows = torch.stack([item["row"] for item in items])
        images = told_of(items, rows if self.rows == "trunk" else None, self.context)
        return MaskBatch(
            images,
            torch.stack([item["mask"] for item in items]),
            features=rows if self.rows == "features" else None,
            grey=rows if self.rows == "images" else None,
            spec=self.spec,
        )
