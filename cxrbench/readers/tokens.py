"""States of the tokens of a text, as an encoder gives them: sequences of many lengths at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cxrbench.readers.batches import padded_batches


@torch.inference_mode()
def token_states(
    ids: Sequence[Sequence[int]],
    forward: Callable[[Tensor, Tensor], Tensor],
    *,
    pad: int,
    device: torch.device,
) -> list[Tensor]:
    """Run an encoder over N token sequences.

    Args:
        ids: Tokens of each, at least one a sequence.
        forward: (B, L) ids and (B, L) mask, 1 for tokens and 0 for padding, to (B, L, D) states.
        pad: Token that fills up a batch.
        device: Where `forward` works.

    Returns:
        For each sequence (length, D) float32 states on the device, in the order given.
    """
    found: list[Tensor | None] = [None] * len(ids)
    for rows, padded, mask in padded_batches(ids, pad, device):
        states = forward(padded, mask).float()
        for row, of_row in zip(rows, states, strict=True):
            found[row] = of_row[: len(ids[row])]
    return [states for states in found if states is not None]
