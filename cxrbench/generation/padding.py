"""Prompts of different lengths side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

Side = Literal["left", "right"]
_PLACE_OF_PADDING = 1


def padded(rows: Sequence[Tensor], pad: Tensor, side: Side) -> tuple[Tensor, Tensor]:
    """Embeddings of texts, N×D each, to B×N×D and the mask, B×N int64, 0 on padding.

    Args:
        rows: Embeddings.
        pad: D, the embedding of the padding; on the right it is what a text is continued after.
        side: Where the padding goes.
    """
    longest, lengths = max(map(len, rows)), torch.tensor([[len(row)] for row in rows])
    places = torch.arange(longest)
    there = places < lengths if side == "right" else places >= longest - lengths
    there = there.to(pad.device)
    embeddings = pad.repeat(len(rows), longest, 1)
    embeddings[there] = torch.cat(list(rows))
    return embeddings, there.long()


def positions(mask: Tensor) -> Tensor:
    """B×N positions that do not count the padding; on the right it repeats the last one."""
    return (mask.cumsum(1) - 1).clamp(min=0)


@contextmanager
def released_positions(model: nn.Module, mask: Tensor) -> Iterator[None]:
    """Padding has the position that it had in transformers 4, for as long as the context lasts.

    There a text that goes on after padding had the positions that follow its own, and the padding,
    from which its first token is predicted, position 1. Transformers 5 counts on from the position
    of the last token, whatever it is.

    Args:
        model: Of transformers, asked with `positions` of the mask.
        mask: B×N; the model may be given each row several times in a row.
    """

    def correct(
        _: nn.Module, args: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        places = named.get("position_ids")
        if places is not None and places.shape[1] == mask.shape[1]:
            padding = mask.repeat_interleave(len(places) // len(mask), dim=0) == 0
            named["position_ids"] = places.masked_fill(padding, _PLACE_OF_PADDING)
        return args, named

    handle = model.register_forward_pre_hook(correct, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
