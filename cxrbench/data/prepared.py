"""Prepared images: decoded and resized once, then read from a memory map."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np

from cxrbench.cards import DatasetCard
from cxrbench.data.images import GreyImage, read_grey
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import LabelledImages, Sample
from cxrbench.data.transforms import apply_geometry
from cxrbench.hashing import sha256_text
from cxrbench.image_spec import ImageSpec
from cxrbench.paths import cache_dir

PREPARED_VERSION = 1
"""Raised when a change in decoding or geometry gives other pixels."""


def prepared_store(dataset: DatasetCard, data: LabelledImages, spec: ImageSpec) -> RowStore:
    """The store of a download's images at one geometry."""
    root = sha256_text(str(data.root.resolve()))[:12]
    folder = cache_dir() / "prepared" / f"{dataset.name}-{root}"
    return RowStore(folder / f"{spec.geometry}-v{PREPARED_VERSION}")


def prepare(store: RowStore, samples: Sequence[Sample], spec: ImageSpec) -> int:
    """Decode what the store lacks, in parallel, keeping each finished part.

    Returns:
        The number of images decoded.

    Raises:
        DataError: When an image is missing or does not decode; what is done stays.
    """
    height, width = spec.size

    def decode(position: int) -> GreyImage:
        return apply_geometry(read_grey(Path(samples[position].image)), spec)

    # Pillow releases the interpreter lock while it decodes and resizes, so threads scale.
    with ThreadPoolExecutor(cpu_count()) as pool:
        return store.fill(
            [sample.id for sample in samples],
            [sample.stamp for sample in samples],
            lambda positions: np.stack(list(pool.map(decode, positions))),
            row_bytes=height * width,
            title="decoding images",
        )
