"""Reference vectors of ConVIRT."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..parts.tokens import Tokens
from .shared import joint, stages


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, tokens = case.encoder, Tokens(case.ids, case.mask)
    features = encoder.features(case.pixels())
    output = encoder.text(tokens)
    text = encoder.text_features(tokens)
    return {
        **stages(encoder.image(case.pixels())),
        **joint(encoder, features, text),
        "pooled": features.pooled,
        "grid": features.grid,
        "image_proj": encoder.image_projection(features.pooled),
        "text_feat_pooler": text,
        "text_proj": encoder.text_projection(text),
        "text_last_hidden_slice": output.last_hidden_state[:, ::6, ::32],
    }


compare = golden(_compute)
