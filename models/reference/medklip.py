"""Reference vectors of MedKLIP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cxrbench.testing.golden import GoldenCase, golden

from .shared import stages

# An input beside the checkpoint, whose name and shape the procedural rule needs.
_BOOK = "external.disease_book.latents"


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder = case.encoder
    encoder.use_book(case.external(_BOOK, tuple(encoder.book.shape)))
    features = encoder.features(case.pixels())
    memory, queries = encoder.memory(features.grid), encoder.queries()
    states, attention = _decode(encoder.decoder, queries.expand(len(memory), -1, -1), memory)
    return {
        **stages(encoder.image(case.pixels())),
        "pooled": features.pooled,
        "grid": features.grid,
        "memory": memory.mT.unflatten(2, features.grid.shape[-2:]),
        "query_embed_slice": queries[:, ::8],
        "decoder_out_slice": states[:, ::5, ::8],
        "attn_last_mean": attention,
        "logits_75x2": encoder.logits(states),
        "score_present_75": encoder.score_classes(features),
    }


def _decode(
    decoder: nn.TransformerDecoder, queries: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """What the decoder returns, and its attention to the memory, B×M: over layers and queries."""
    asked: list[tuple[Any, ...]] = []
    layers: list[Any] = list(decoder.layers)
    hooks = [
        layer.multihead_attn.register_forward_pre_hook(lambda _, given: asked.append(given))
        for layer in layers
    ]
    states: Tensor = decoder(queries, memory)
    for hook in hooks:
        hook.remove()
    weights = [
        layer.multihead_attn(*given, need_weights=True)[1]
        for layer, given in zip(layers, asked, strict=True)
    ]
    return states, torch.stack(weights).mean(dim=(0, 2))


compare = golden(_compute)
