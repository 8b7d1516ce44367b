"""Readers that stay in memory: the metrics of a run share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from cxrbench.readers.files import FoundReader

R = TypeVar("R")

_last: dict[str, tuple[tuple[str, str], Any]] = {}


def resident(
    reader: Callable[[FoundReader, torch.device], R], found: FoundReader, device: torch.device
) -> R:
    """A reader of these files on this device: the one of before, or a new one in its place.

    Args:
        reader: Its class, of which there is one for each id.
        found: Its files. One reader of each id stays.
        device: Where it works.
    """
    key = (found.digest, str(device))
    known = _last.get(found.card.id)
    if known is None or known[0] != key:
        known = key, reader(found, device)
        _last[found.card.id] = known
    kept: R = known[1]
    return kept
