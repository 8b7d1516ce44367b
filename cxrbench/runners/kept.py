"""What a frozen part of an encoder gives, computed once and kept on disk while there is room."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split, SplitName
from cxrbench.encoder import FrozenTrunk, ImageBatch
from cxrbench.errors import BadRequest
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.runners.keys import feature_store
from cxrbench.training.features import Compute, Extractor
from cxrbench.weights.report import LoadReport

_TRUNK_GIB = 20.0

Splits = Sequence[tuple[SplitName, Split]]


@dataclass(frozen=True)
class Kept:
    """Rows on disk that are read in place of images.

    Attributes:
        store: Where they are; None where nothing is kept.
        rows: What they are, such as `features` or `trunk`.
        splits: Splits of which all rows are there.
    """

    store: RowStore | None = None
    rows: str = "images"
    splits: frozenset[SplitName] = frozenset()

    def of(self, name: SplitName, images: RowStore) -> tuple[RowStore, str]:
        """Where a split is read from, and what its rows are."""
        if self.store is not None and name in self.splits:
            return self.store, self.rows
        return images, "images"


NOTHING = Kept()


@dataclass(frozen=True)
class Source:
    """Prepared images that an encoder of a run reads, and the batches it reads them in.

    Attributes:
        job: The run.
        report: How the weights of the encoder matched.
        images: Store of the images at its input.
        spec: Preprocessing of its input.
        batch_size: Images at once.
        one_at_a_time: Whether each image is a batch of its own, because features depend on it.
    """

    job: Job
    report: LoadReport
    images: RowStore
    spec: ImageSpec
    batch_size: int
    one_at_a_time: bool = False

    def store(self, kind: str, context: bool) -> RowStore:
        """Where rows of a kind are kept; see `feature_store`."""
        return feature_store(
            self.job, self.report, self.images, self.spec, kind, context, self.one_at_a_time
        )

    def features(
        self, compute: Compute, splits: Splits, *, kind: str, rows: str, context: bool
    ) -> Kept:
        """Keep what a frozen encoder gives, in 16 bits.

        Args:
            compute: A batch to its rows.
            splits: Those read most often first.
            kind: What the rows are, for the key.
            rows: The same, for those who read them.
            context: Whether the encoder is told the clinical context.
        """
        store, extractor = self.store(kind, context), self.extractor(context, "float16")
        return Kept(store, rows, keep(extractor, store, splits, compute, rows))

    def trunk(self, encoder: FrozenTrunk, splits: Splits) -> Kept:
        """Keep the output of the frozen trunk of an encoder that is trained otherwise."""
        store = feature_store(self.job, self.report, self.images, self.spec, "trunk", False)
        found = keep(self.extractor(False), store, splits, trunk_of(encoder), "trunk features")
        return Kept(store, "trunk", found)

    def extractor(
        self, context: bool, kept_as: Literal["float32", "float16"] = "float32"
    ) -> Extractor:
        """What runs the encoder over a split."""
        machine = self.job.machine
        size = 1 if self.one_at_a_time else machine.batch_size or self.batch_size
        return Extractor(
            self.images, self.spec, machine.device, self.job.spec.precision, size, context, kept_as
        )


def keep(
    extractor: Extractor,
    store: RowStore,
    splits: Splits,
    compute: Compute,
    what: str,
) -> frozenset[SplitName]:
    """Compute rows of the splits that fit, and say which those are.

    A split whose rows would not fit into what is left of the budget (`CXRBENCH_TRUNK_GIB`) is left
    out.

    Args:
        extractor: Runs the encoder.
        store: Where rows are kept.
        splits: Those read most often first.
        compute: A batch to its rows.
        what: For the progress bar.
    """
    budget = _budget()
    row_bytes = extractor.row_bytes(splits[0][1], compute)
    kept: set[SplitName] = set()
    for name, split in splits:
        needed = len(split) * row_bytes
        if needed <= budget:
            budget -= needed
            extractor.fill(store, split, compute, f"{what} of {name}", row_bytes)
            kept.add(name)
    return frozenset(kept)


def has_frozen_trunk(encoder: object, card: ModelCard) -> TypeGuard[FrozenTrunk]:
    """Whether the trunk's output can be kept: a class with a trunk may train it, the card says."""
    return "frozen-trunk" in card.capabilities and isinstance(encoder, FrozenTrunk)


def trunk_of(encoder: FrozenTrunk) -> Compute:
    """The output of an encoder's frozen trunk."""

    def compute(batch: ImageBatch) -> Tensor:
        if batch.pixels is None:
            raise ValueError("the trunk is computed from pixels")
        return encoder.encode_trunk(batch.pixels)

    return compute


def _budget() -> float:
    """Bytes that may be kept: `CXRBENCH_TRUNK_GIB`, else 20 GiB."""
    asked = os.environ.get("CXRBENCH_TRUNK_GIB", str(_TRUNK_GIB))
    try:
        return float(asked) * 2**30
    except ValueError as error:
        raise BadRequest(
            f"cannot read CXRBENCH_TRUNK_GIB={asked}",
            why="expected a number of gibibytes",
            fix="say CXRBENCH_TRUNK_GIB=20, or 0 to keep nothing",
        ) from error
