"""Batches with reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrbench.data.rowstore import RowStore
from cxrbench.encoder import ImageBatch
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.reports.targets import Reports
from cxrbench.training.loading import Position, arrived, told_of

Hints = Mapping[str, str]
"""What a prompt may tell of an image besides its pixels."""


@dataclass(frozen=True)
class ReportBatch:
    """A batch as the training module takes it, once it is on a device.

    Attributes:
        images: B·V images, V of each report together; with pixels or a trunk, unless `rows` is
            given.
        texts: B reports.
        hints: Of each report.
        rows: B·V rows of a frozen encoder's memory, computed earlier.
        grey: B·V×H×W uint8 images that are not normalised yet.
        spec: How they are to be normalised.
    """

    images: ImageBatch
    texts: Sequence[str]
    hints: Sequence[Hints]
    rows: Tensor | None = None
    grey: Tensor | None = None
    spec: ImageSpec | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def to(self, device: torch.device | str) -> ReportBatch:
        """The batch with its tensors on a device, ready for the encoder."""
        images = arrived(self.images, self.grey, self.spec, device)
        rows = None if self.rows is None else self.rows.to(device)
        return replace(self, images=images, rows=rows, grey=None)


class ReportRows(Dataset[Any]):
    """Reports whose images, trunk outputs or memory are read from a store."""

    def __init__(
        self, reports: Reports, store: RowStore, hints: Sequence[Hints] | None = None
    ) -> None:
        """Pair reports with the store that holds a row for each of their images."""
        self._reports = reports
        self._store = store
        self._hints = hints

    def __len__(self) -> int:
        return len(self._reports)

    def __getitem__(self, index: Position) -> dict[str, Any]:
        position, _ = index
        images = self._reports.images[position]
        rows = (torch.from_numpy(np.ascontiguousarray(self._store[s.id])) for s in images)
        return {
            "images": [
                {"row": row, "view": sample.view, "context": sample.context}
                for row, sample in zip(rows, images, strict=True)
            ],
            "text": self._reports.texts[position],
            "hints": self._hints[position] if self._hints is not None else {},
        }


@dataclass(frozen=True)
class Collate:
    """Stacks rows into a batch.

    Attributes:
        rows: What the rows are: `images`, `trunk` or `memory`.
        spec: How images are normalised.
        context: Whether the encoder is told the clinical context.
    """

    rows: str
    spec: ImageSpec
    context: bool

    def __call__(self, items: Sequence[dict[str, Any]]) -> ReportBatch:
        """Stack the items of one batch."""
        images = [image for item in items for image in item["images"]]
        rows = torch.stack([image["row"] for image in images])
        return ReportBatch(
            told_of(images, rows if self.rows == "trunk" else None, self.context),
            [item["text"] for item in items],
            [item["hints"] for item in items],
            rows=rows if self.rows == "memory" else None,
            grey=rows if self.rows == "images" else None,
            spec=self.spec,
        )
