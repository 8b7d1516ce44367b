"""What one pretraining step is computed from, and how items become it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cxrbench.data.context import split_context
from cxrbench.data.samples import Sample
from cxrbench.data.transforms import normalise
from cxrbench.image_spec import ImageSpec

from ...parts.side_input import rows_of
from ...parts.tokens import Tokens
from ..tokenizer import CoGazeTokenizer, context_text, report_text, transcript_text
from .settings import PretrainingSettings

if TYPE_CHECKING:
    from cxrbench.pretraining.items import PretrainingItem

POSITIVE_MENTIONS = (1, 3)
"""Codes of a mention that are trained as present: positive, and uncertain."""


@dataclass(frozen=True)
class PretrainingBatch:
    """B images with their reports, and S transcripts of readings of some of them.

    Attributes:
        view: B rows of the view table, int64.
        reports: B reports.
        groups: B numbers, int64; equal where images share a report.
        targets: B×C float32: 1 present, 0 absent, NaN unknown.
        pixels: B×3×H×W float32 normalised pixels; None when `trunk` or `grey` is given.
        trunk: B×T×D output of the frozen trunk.
        context: Contexts of the images that have one; None when no image has.
        context_rows: Row in the batch of each context, int64.
        transcripts: S transcripts; None when the batch has no gaze.
        transcript_owner: Row in the batch of each transcript's image, int64.
        heat: S×P float32, where the reader looked meanwhile; rows need not sum to one.
        grey: B×H×W uint8 pixels, normalised as soon as the batch is on its device.
        spec: How `grey` is normalised.
    """

    view: Tensor
    reports: Tokens
    groups: Tensor
    targets: Tensor
    pixels: Tensor | None = None
    trunk: Tensor | None = None
    context: Tokens | None = None
    context_rows: Tensor | None = None
    transcripts: Tokens | None = None
    transcript_owner: Tensor | None = None
    heat: Tensor | None = None
    grey: Tensor | None = None
    spec: ImageSpec | None = None

    def __len__(self) -> int:
        return len(self.view)

    def to(self, device: torch.device | str) -> PretrainingBatch:
        """The batch on a device, its pixels normalised."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor | Tokens):
                moved[field.name] = value.to(torch.device(device))
        batch = replace(self, **moved)
        if batch.grey is None or batch.spec is None:
            return batch
        return replace(batch, pixels=normalise(batch.grey, batch.spec), grey=None)


@dataclass(frozen=True)
class Collate:
    """Makes batches; can be sent to a loading process.

    Attributes:
        tokenizer: Of the encoder.
        settings: Of the objective: without context or gaze, none is tokenised.
        views: Names of the rows of the view table.
        spec: How images are normalised; None when the rows of the items are trunk features.
    """

    tokenizer: CoGazeTokenizer
    settings: PretrainingSettings
    views: Sequence[str]
    spec: ImageSpec | None = None

    def __call__(self, items: Sequence[PretrainingItem]) -> PretrainingBatch:
        """The batch of B items."""
        samples = [item.sample for item in items]
        rows = torch.stack([item.row for item in items])
        grey = rows.dtype == torch.uint8
        batch = PretrainingBatch(
            view=torch.tensor(rows_of([sample.view for sample in samples], self.views)),
            reports=self.tokenizer([report_text(_findings(sample)) for sample in samples]),
            groups=torch.tensor([group(sample.study or sample.id) for sample in samples]),
            targets=torch.stack([targets(item.labels, item.mentions) for item in items]),
            trunk=None if grey else rows,
            grey=rows if grey else None,
            spec=self.spec,
        )
        return replace(batch, **self._context(samples), **self._gaze(items))

    def _context(self, samples: Sequence[Sample]) -> dict[str, Any]:
        if not self.settings.use_context:
            return {}
        told = [split_context(sample.context or "") for sample in samples]
        rows = [row for row, sections in enumerate(told) if any(sections)]
        if not rows:
            return {}
        return {
            "context": self.tokenizer([context_text(*told[row]) for row in rows]),
            "context_rows": torch.tensor(rows),
        }

    def _gaze(self, items: Sequence[PretrainingItem]) -> dict[str, Any]:
        if self.settings.gaze is None:
            return {}
        readings = [(row, *reading) for row, item in enumerate(items) for reading in item.heat]
        if not readings:
            return {}
        heat = np.stack([np.asarray(cells, np.float32) for _, _, cells in readings])
        return {
            "transcripts": self.tokenizer([transcript_text(text) for _, text, _ in readings]),
            "transcript_owner": torch.tensor([row for row, _, _ in readings]),
            "heat": torch.from_numpy(heat),
        }


def group(study: str) -> int:
    """A number of a study, the same on every machine: 63 bits of a hash of its name."""
    return int.from_bytes(sha256(study.encode()).digest()[:8], "big") >> 1


def targets(labels: Any, mentions: Any | None) -> Tensor:
    """What the label heads are trained on, C float32: 1, 0 or NaN.

    Args:
        labels: C values: 1 present, 0 absent, NaN unknown.
        mentions: C codes of labels read from text (see `Collection`), which decide where they are
            given: not mentioned is trained as absent, as the released code does.
    """
    if mentions is None:
        return torch.as_tensor(labels, dtype=torch.float32)
    codes = torch.as_tensor(mentions)
    positive = torch.isin(codes, torch.tensor(POSITIVE_MENTIONS, dtype=codes.dtype))
    return positive.to(torch.float32)


def _findings(sample: Sample) -> str:
    return "" if sample.report is None else sample.report.findings.strip()
