"""Texts of like length together: a few long ones need not pad the many short ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ..parts.tokens import Tokens


def by_length(tokens: Tokens) -> list[tuple[Tensor, Tokens]]:
    """Part texts into the short and the long ones, where that leaves the fewest tokens.

    Args:
        tokens: B texts, padded on the right.

    Returns:
        One or two groups: their rows, int64, and their texts without the padding that no text of
        the group needs.
    """
    lengths, order = tokens.mask.sum(dim=1).clamp(min=1).sort(stable=True)
    count = len(order)
    first = torch.arange(1, count + 1, device=lengths.device)
    # Tokens computed when the `first` shortest texts are one group, the others another one.
    cost = first * lengths + (count - first) * lengths[-1:]
    cut = int(cost.argmin()) + 1 if count else 0
    parts = [order[:cut], order[cut:]]
    return [(rows, _rows(tokens, rows)) for rows in parts if len(rows)]


def _rows(tokens: Tokens, rows: Tensor) -> Tokens:
    mask = tokens.mask[rows]
    width = max(1, int(mask.sum(dim=1).max()))
    return Tokens(tokens.ids[rows, :width], mask[:, :width])
