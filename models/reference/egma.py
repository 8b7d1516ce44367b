"""Reference vectors of EGMA."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..parts.tokens import Tokens
from .shared import joint

# Every so many tokens of each stage are kept, and every sixteenth channel.
_STEPS = {1: 64, 2: 16, 4: 4}


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, tokens = case.encoder, Tokens(case.ids, case.mask)
    # First, because it must leave nothing behind that a larger image would feel.
    small = encoder.features(case.pixels(224))
    features = encoder.features(case.pixels())
    # The reference averages over the padding; `encode_text` does not.
    text = encoder.text_features(tokens, over_padding=True)
    images, texts = encoder.project_image(features), encoder.project_text(text)
    stage_tokens = encoder.stage_tokens(case.pixels())
    mean, largest = encoder.local_logits(stage_tokens[-1], texts)
    return {
        **joint(encoder, features, text),
        **_stages(stage_tokens),
        "pooled": features.pooled,
        "grid": features.grid,
        "pooled_at_224": small.pooled,
        "image_embed_at_224": encoder.project_image(small),
        "text_proj": encoder.text_projection(text),
        "logits_per_image": encoder.logits(images, texts),
        "local_similarity_img2txt": mean,
        "local_similarity_txt2img": largest,
    }


def _stages(stage_tokens: list[Tensor]) -> dict[str, Tensor]:
    found = {}
    for (stage, step), tokens in zip(_STEPS.items(), stage_tokens, strict=True):
        found[f"proj_stage{stage}_shape"] = torch.tensor(tokens.shape)
        found[f"proj_stage{stage}_slice"] = tokens[:, ::step, ::16]
    return found


compare = golden(_compute)
