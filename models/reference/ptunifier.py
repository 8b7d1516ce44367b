"""Reference vectors of PTUnifier."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..parts.tokens import Tokens
from ..ptunifier import image_tokens


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, tokens = case.encoder, Tokens(case.ids, case.mask)
    features = encoder.features(case.pixels())
    states = encoder.text(tokens).last_hidden_state
    # Texts with their padding, so that the masks are tried; `score_pairs` leaves it away.
    vectors = torch.stack([
        encoder.fusion(states, tokens.mask, image.expand(len(states), -1, -1))
        for image in image_tokens(features)
    ])  # fmt: skip
    logits = encoder.head(vectors)
    return {
        "pooled": features.pooled,
        "grid": features.grid,
        "patch_mean": features.grid.mean(dim=(2, 3)),
        "text_last_hidden_slice": states[:, ::4, ::32],
        "text_cls": states[:, 0],
        "pair_cls_feats": vectors[..., ::3],
        "itm_logits": logits,
        "pair_score": logits[..., 1],
        "similarity": logits[..., 1],
    }


compare = golden(_compute)
