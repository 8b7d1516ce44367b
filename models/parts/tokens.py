"""Texts as token ids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Texts as token ids, padded on the right.

    Attributes:
        ids: B×N int64.
        mask: B×N booleans, True for real tokens.
    """

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Tokens:
        """The same tokens on another device."""
        return Tokens(self.ids.to(device), self.mask.to(device))
