"""Word pieces put together to words, and reports put into the form that some encoders were taught.

GLoRIA, AFLoc and MGCA add up the pieces of a word. Words lie in slots: the start token in slot 0,
the end token in the last one that is used, zeros behind it.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

_ENUMERATOR = re.compile(r"[0-9]+\.")
_WORD = re.compile(r"\w+")
_WORD_OR_STOP = re.compile(r"\w+|\.")


def plain(text: str, *, stops: bool = False) -> str:
    """Lower-case ASCII words with one space between them; `1.` and punctuation are dropped.

    Args:
        text: A report, a sentence or a prompt.
        stops: Keep full stops, as words of their own.
    """
    found = (_WORD_OR_STOP if stops else _WORD).findall(_ENUMERATOR.sub(" ", text.lower()))
    words = (word.encode("ascii", "ignore").decode() for word in found)
    return " ".join(word for word in words if word)


def slots_of(continues: Tensor, mask: Tensor) -> Tensor:
    """The slot of each token's word.

    Args:
        continues: B×N, True for pieces that continue the word before them.
        mask: B×N, True for the tokens that are no padding.

    Returns:
        B×N int64; the padding has -1.
    """
    starts = ~continues
    starts[:, 0] = True
    return (starts.long().cumsum(dim=1) - 1).masked_fill(~mask, -1)


def sum_by_slot(values: Tensor, slots: Tensor) -> Tensor:
    """B×N×D values of tokens to B×N×D sums of words; slots without a word are zero."""
    own = values * (slots >= 0).unsqueeze(-1)
    into = slots.clamp_min(0).unsqueeze(-1).expand_as(values)
    return torch.zeros_like(values).scatter_add(1, into, own)
