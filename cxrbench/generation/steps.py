"""One decoding step of all beams at once, with a cache that is only ever appended to.

The usual way keeps a copy of everything for each beam and reorders all copies after every step.
Here the keys and values of the memory are computed once an image and read by all its beams. Those
of the text are written once, into a slot of the image, and stay there: a beam carries the list of
the slots that are its own past, and attends to these alone. Nothing is copied when beams change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2LMHeadModel

_Layer = Any  # layers have no types in transformers
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


class DecodingSteps:
    """Steps of a GPT-2 with cross-attention over a batch of memories.

    Args:
        model: In eval mode; its dropout is not applied.
        memory: B×T×D, of the width of the decoder.
        beams: K of each image.
    """

    def __init__(self, model: GPT2LMHeadModel, memory: Tensor, beams: int) -> None:
        self._model, self._beams = model, beams
        self._blocks: list[_Layer] = list(model.transformer.h)
        self._position = 0
        self._memory = [self._read(block, memory) for block in self._blocks]
        self._past: list[_Slots] = []
        self._seen = torch.zeros(len(memory), 1, 0, dtype=torch.bool, device=memory.device)

    def begin(self, start: Tensor) -> Tensor:
        """The first token of every image, B int64, to B×1×V logits of the next."""
        self._seen = F.pad(self._seen, (0, 1), value=True)
        return self._forward(start[:, None])

    def next(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """Another token for every beam.

        Args:
            parents: B×K int64: the beam, as numbered before, that each continues.
            tokens: B×K int64, appended to them.

        Returns:
            B×K×V logits of the next.
        """
        slots = self._seen.shape[2]
        past = self._seen.gather(1, parents[..., None].expand(-1, -1, slots))
        own = torch.eye(self._beams, dtype=torch.bool, device=past.device)
        self._seen = torch.cat([past, own.expand(len(past), -1, -1)], dim=2)
        return self._forward(tokens)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the images, int64 row numbers, alone."""
        self._seen = self._seen[rows]
        self._memory = [(keys[rows], values[rows]) for keys, values in self._memory]
        for slots in self._past:
            slots.keep(rows)

    def _forward(self, tokens: Tensor) -> Tensor:
        transformer: _Layer = self._model.transformer
        place = torch.tensor(self._position, device=tokens.device)
        hidden = transformer.wte(tokens) + transformer.wpe(place)
        self._position += 1
        for layer, block in enumerate(self._blocks):
            hidden = hidden + self._attend_text(layer, block.attn, block.ln_1(hidden))
            hidden = hidden + self._attend_memory(
                layer, block.crossattention, block.ln_cross_attn(hidden)
            )
            hidden = hidden + block.mlp(block.ln_2(hidden))
        head: _Layer = self._model.lm_head
        logits: Tensor = head(transformer.ln_f(hidden))
        return logits

    def _attend_text(self, layer: int, attention: _Layer, hidden: Tensor) -> Tensor:
        query, keys, values = (
            _heads(attention, part) for part in attention.c_attn(hidden).chunk(3, dim=-1)
        )
        if layer == len(self._past):
            self._past.append(_Slots.empty(keys, _FIRST_STEPS * self._beams))
        past = self._past[layer]
        past.append(keys, values)
        return _attend(
            attention,
            query,
            past.keys[:, :, : past.used],
            past.values[:, :, : past.used],
            self._seen[:, None],
        )

    def _attend_memory(self, layer: int, attention: _Layer, hidden: Tensor) -> Tensor:
        return _attend(attention, _heads(attention, attention.q_attn(hidden)), *self._memory[layer])

    def _read(self, block: _Layer, memory: Tensor) -> tuple[Tensor, Tensor]:
        """B×H×T×C keys and values of the memory in one layer."""
        attention = block.crossattention
        keys, values = attention.c_attn(memory).chunk(2, dim=-1)
        return _heads(attention, keys).contiguous(), _heads(attention, values).contiguous()


def _heads(attention: _Layer, states: Tensor) -> Tensor:
    """B×N×D to B×H×N×C."""
    size, length, _ = states.shape
    return states.reshape(size, length, attention.num_heads, attention.head_dim).transpose(1, 2)


def _attend(
    attention: _Layer, query: Tensor, keys: Tensor, values: Tensor, seen: Tensor | None = None
) -> Tensor:
    found = F.scaled_dot_product_attention(
        query, keys, values, attn_mask=seen, scale=attention.scaling
    )
    out: Tensor = attention.c_proj(found.transpose(1, 2).flatten(2))
    return out
