"""The vocabulary that stands in for a real one where words are put together from pieces."""

from __future__ import annotations

from torch import Tensor

FULL_STOP = 119
_FIRST_WORD, _CONTINUES_EACH = 1000, 5


def continues(ids: Tensor) -> Tensor:
    """B×N, True for the ids that stand for a piece inside a word."""
    return (ids >= _FIRST_WORD) & (ids % _CONTINUES_EACH == 0)
