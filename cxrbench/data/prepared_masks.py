"""True masks: drawn at the size of the original, brought to an encoder's input once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrbench.cards import DatasetCard
from cxrbench.data.mask_geometry import Boxes, Ellipses, reread, to_input
from cxrbench.data.prepared import prepared_store
from cxrbench.data.regions import Mask, MaskFile, Region, draw
from cxrbench.data.rowstore import Rows, RowStore
from cxrbench.data.samples import LabelledImages, Sample
from cxrbench.errors import DataError
from cxrbench.hashing import sha256_text
from cxrbench.image_spec import ImageSpec

MASKS_VERSION = 1
"""Raised when a change in drawing or geometry gives other masks."""


@dataclass(frozen=True)
class TrueMasks:
    """The true masks of a data set, at the original size and at one geometry.

    Images on which nothing is marked take no room.

    Attributes:
        store: A row of packed bits for each image with a mask.
        spec: The geometry.
        boxes: How boxes are read.
        ellipses: How ellipses are read.
    """

    store: RowStore
    spec: ImageSpec
    boxes: Boxes = "as-drawn"
    ellipses: Ellipses = "as-drawn"

    @classmethod
    def of(
        cls,
        dataset: DatasetCard,
        data: LabelledImages,
        spec: ImageSpec,
        boxes: Boxes = "as-drawn",
        ellipses: Ellipses = "as-drawn",
    ) -> TrueMasks:
        """The masks of a download, kept beside its prepared images."""
        images = prepared_store(dataset, data, spec).folder
        name = f"masks-{spec.geometry}-{boxes}-{ellipses}-v{MASKS_VERSION}"
        return cls(RowStore(images.parent / name), spec, boxes, ellipses)

    def prepare(self, samples: Sequence[Sample]) -> int:
        """Draw and keep what is missing; returns how many masks that were.

        Raises:
            DataError: When nobody looked for regions on an image, or a mask cannot be drawn.
        """
        for sample in samples:
            _require_looked_at(sample)
        marked = [sample for sample in samples if sample.regions]
        return self.store.fill(
            [sample.id for sample in marked],
            [_stamp(sample) for sample in marked],
            lambda positions: self._rows([marked[p] for p in positions]),
            row_bytes=-(-self.spec.size[0] * self.spec.size[1] // 8),
            title="drawing masks",
        )

    def original(self, sample: Sample) -> Mask:
        """The mask at the size of the original.

        Raises:
            DataError: When nobody looked, or the mask cannot be drawn.
        """
        regions, shape = _require_looked_at(sample)
        return draw(reread(regions, self.boxes, self.ellipses), *shape)

    def __getitem__(self, sample: Sample) -> Mask:
        """The mask at the geometry, from the store; `prepare` has been called for it."""
        height, width = self.spec.size
        if not sample.regions:
            return np.zeros((height, width), dtype=bool)
        bits = np.unpackbits(self.store[sample.id])[: height * width]
        return bits.reshape(height, width).astype(bool)

    def _rows(self, samples: Sequence[Sample]) -> Rows:
        masks = [to_input(self.original(sample), self.spec) for sample in samples]
        return np.stack([np.packbits(mask) for mask in masks])


def _require_looked_at(sample: Sample) -> tuple[tuple[Region, ...], tuple[int, int]]:
    """Regions and shape of a sample that has both."""
    if sample.regions is None or sample.shape is None:
        raise DataError(
            "an image has no mask to compare with",
            why="its data set does not tell whether anything is marked on it",
            fix="choose splits of images that were all marked",
        )
    return sample.regions, sample.shape


def _stamp(sample: Sample) -> str:
    """What a mask is drawn from: its regions, its size, and its file where it has one."""
    told = [repr(sample.shape)]
    for region in sample.regions or ():
        told.append(repr(region))
        if isinstance(region, MaskFile) and region.path.exists():
            stat = region.path.stat()
            told.append(f"{stat.st_size}-{stat.st_mtime_ns}")
    return sha256_text("\n".join(told))[:32]
