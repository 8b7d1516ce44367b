"""Teacher forcing: texts as inputs, mask and labels of a decoder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100
"""Label of a position that does not count, as in `torch.nn.functional.cross_entropy`."""


@dataclass(frozen=True)
class TeacherForced:
    """Texts as a decoder learns them, padded on the right.

    Attributes:
        inputs: B×N int64: all but the last token.
        mask: B×N booleans, False on padding.
        labels: B×N int64: all but the first token, `IGNORED` on padding.
    """

    inputs: Tensor
    mask: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> TeacherForced:
        """The same on another device."""
        return TeacherForced(self.inputs.to(device), self.mask.to(device), self.labels.to(device))


def teacher_forced(
    texts: Sequence[Sequence[int]], pad: int, hidden: Collection[int] = ()
) -> TeacherForced:
    """Shift token ids by one.

    Args:
        texts: Ids of each text, start and end token included.
        pad: Id that fills up.
        hidden: Ids that the decoder never sees, `pad` in their place, but has to predict. The
            released CoGaze does this to its separator.
    """
    width = max(map(len, texts))
    ids = torch.tensor([[*text, *[pad] * (width - len(text))] for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    there = torch.arange(width) < lengths[:, None]
    inputs, labels = ids[:, :-1], ids[:, 1:].masked_fill(~there[:, 1:], IGNORED)
    if hidden:
        unseen = torch.isin(inputs, torch.tensor(sorted(hidden)))
        inputs = inputs.masked_fill(unseen, pad)
    return TeacherForced(inputs, there[:, :-1], labels)
