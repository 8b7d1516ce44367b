"""Reference vectors of PriorRG."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from cxrbench.testing import procedural
from cxrbench.testing.golden import GoldenCase, golden

from ..parts.tokens import Tokens
from .shared import joint


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder = case.encoder
    trunk = encoder.encode_trunk(case.pixels())
    current = encoder.image_tokens(trunk, _rows(case, "view_ids"))
    visual = encoder.without_prior(current)
    # The reference lets the Perceiver read the padding; `encode_image` does not.
    context = encoder.context_latents(_contexts(case), over_padding=True)
    features = encoder.fuse(trunk, visual, context)

    # The first image has one before it, the others have none.
    before = encoder.image_tokens(encoder.encode_trunk(_prior(case)), _rows(case, "prior_view_id"))
    first = encoder.with_prior(current[:1], before)
    with_prior = encoder.fuse(trunk, torch.cat([first, visual[1:]]), context)

    text = encoder.text_features(Tokens(case.ids, case.mask))
    half = features.latents.shape[1] // 2
    found = joint(encoder, features, text)
    told = encoder.project_image(with_prior)
    return {
        **found,
        "image_embed_with_prior": told,
        "similarity_with_prior": told @ found["text_embed"].T,
        "pooled": features.pooled,
        "grid": features.grid,
        "raddino_cls": trunk[:, 0],
        "raddino_patch_mean": trunk[:, 1:].mean(dim=1),
        "visual_tokens_mean": visual.mean(dim=1),
        "visual_tokens_slice": visual[:, ::37, ::16],
        "visual_tokens_with_prior_slice": first[:, ::37, ::16],
        "context_latents_slice": features.latents[:, :half:8, ::16],
        "image_latents_slice": features.latents[:, half::8, ::16],
        "text_proj": text,
    }


def _rows(case: GoldenCase, name: str) -> Tensor:
    return torch.from_numpy(case.vectors[name].astype(np.int64))


def _contexts(case: GoldenCase) -> Tokens:
    return Tokens(_rows(case, "context_ids"), _rows(case, "context_mask").bool())


def _prior(case: GoldenCase) -> Tensor:
    seeds = case.vectors["prior_image_seed"].tolist()
    images = [procedural.image(seed, case.encoder.image_spec.size[0]) for seed in seeds]
    return torch.from_numpy(np.stack(images))


compare = golden(_compute)
