"""One decoding step of all beams at once.

The keys and values of the memory are computed once an image and read by all its beams; those of the
text stay where they are when beams change (`TextCache`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2LMHeadModel

from cxrbench.generation.cache import TextCache

_Layer = Any  # layers have no types in transformers


class DecodingSteps:
    """Steps of a GPT-2 with cross-attention over a batch of memories.

    Args:
        model: In eval mode; its dropout is not applied.
        memory: B×T×D, of the width of the decoder.
        beams: K of each image.
    """

    def __init__(self, model: GPT2LMHeadModel, memory: Tensor, beams: int) -> None:
        self._model = model
        self._blocks: list[_Layer] = list(model.transformer.h)
        self._memory = [self._read(block, memory) for block in self._blocks]
        self._past = TextCache(len(memory), beams, memory.device)

    def begin(self, start: Tensor) -> Tensor:
        """The first token of every image, B int64, to B×1×V logits of the next."""
        self._past.begin()
        return self._forward(start[:, None])

    def next(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """Another token for every beam.

        Args:
            parents: B×K int64: the beam, as numbered before, that each continues.
            tokens: B×K int64, appended to them.

        Returns:
            B×K×V logits of the next.
        """
        self._past.branch(parents)
        return self._forward(tokens)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the images, int64 row numbers, alone."""
        self._memory = [(keys[rows], values[rows]) for keys, values in self._memory]
        self._past.keep(rows)

    def _forward(self, tokens: Tensor) -> Tensor:
        transformer: _Layer = self._model.transformer
        place = torch.tensor(self._past.position - 1, device=tokens.device)
        hidden = transformer.wte(tokens) + transformer.wpe(place)
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
        return _attend(attention, query, *self._past.extend(layer, keys, values), self._past.seen)

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
