"""Keys and values of the texts of all beams, which are only ever appended to.

The usual way keeps a copy of everything for each beam and reorders all copies after every step.
Here those of a token are written once, into a slot of the image, and stay there: a beam carries the
list of the slots that are its own past, and attends to these alone. Nothing is copied when beams
change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_FIRST_STEPS = 32
"""Steps the cache has room for at first; it doubles when they are used up."""


@dataclass
class _Slots:
    """Keys and values of one layer, each B×H×S×C, of which the first `used` slots are filled."""

    keys: Tensor
    values: Tensor
    used: int = 0

    @classmethod
    def empty(cls, like: Tensor, room: int) -> _Slots:
        shape = (*like.shape[:2], room, like.shape[3])
        return cls(like.new_empty(shape), like.new_empty(shape))

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Fill the next slots."""
        start, self.used = self.used, self.used + keys.shape[2]
        if self.used > self.keys.shape[2]:
            self.keys, self.values = self._wider(self.keys), self._wider(self.values)
        self.keys[:, :, start : self.used] = keys
        self.values[:, :, start : self.used] = values

    def _wider(self, tensor: Tensor) -> Tensor:
        return torch.cat([tensor, torch.empty_like(tensor)], dim=2)

    def keep(self, rows: Tensor) -> None:
        """Forget all other images."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class TextCache:
    """The past of the beams of a batch of images.

    Args:
        size: B.
        beams: K of each image, from the second token on.
        device: Of the keys and values.

    Attributes:
        position: Tokens that every beam has.
    """

    def __init__(self, size: int, beams: int, device: torch.device) -> None:
        self._beams = beams
        self._layers: list[_Slots] = []
        self._seen = torch.zeros(size, 1, 0, dtype=torch.bool, device=device)
        self.position = 0

    @property
    def seen(self) -> Tensor:
        """B×1×K×S booleans: the slots that each beam attends to, for all heads alike."""
        return self._seen[:, None]

    def begin(self) -> None:
        """Every image gets its first token."""
        self._seen = F.pad(self._seen, (0, 1), value=True)
        self.position = 1

    def branch(self, parents: Tensor) -> None:
        """Every beam gets another token; B×K int64, the beams that they continue."""
        slots = self._seen.shape[2]
        past = self._seen.gather(1, parents[..., None].expand(-1, -1, slots))
        own = torch.eye(self._beams, dtype=torch.bool, device=past.device)
        self._seen = torch.cat([past, own.expand(len(past), -1, -1)], dim=2)
        self.position += 1

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the latest tokens, B×H×K×C, to those of all tokens, B×H×S×C.

        Layers have to be asked in order, the first being 0.
        """
        if layer == len(self._layers):
            self._layers.append(_Slots.empty(keys, _FIRST_STEPS * self._beams))
        past = self._layers[layer]
        past.append(keys, values)
        return past.keys[:, :, : past.used], past.values[:, :, : past.used]

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the images, int64 row numbers, alone."""
        self._seen = self._seen[rows]
        for slots in self._layers:
            slots.keep(rows)
