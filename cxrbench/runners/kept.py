"""What a frozen part of an encoder gives, computed once and kept on disk while there is room."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeGuard

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split, SplitName
from cxrbench.encoder import FrozenTrunk, ImageBatch
from cxrbench.errors import BadRequest
from cxrbench.training.features import Compute, Extractor

_TRUNK_GIB = 20.0


def keep(
    extractor: Extractor,
    store: RowStore,
    splits: Sequence[tuple[SplitName, Split]],
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
