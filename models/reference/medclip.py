"""Reference vectors of MedCLIP, with a Swin and with a ResNet."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..parts.swin import Swin
from ..parts.tokens import Tokens
from .shared import joint, stages


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, tokens, pixels = case.encoder, Tokens(case.ids, case.mask), case.pixels()
    features, maps = encoder.features(pixels), encoder.image(pixels)
    # The reference averages over the padding; `encode_text` does not.
    text = encoder.text_features(tokens, over_padding=True)
    images, texts = encoder.project_image(features), encoder.project_text(text)
    length = int(case.mask[0].sum())
    alone = Tokens(case.ids[:1, :length], case.mask[:1, :length])
    grey = encoder.features(pixels[:, :1].expand(-1, 3, -1, -1))
    return {
        **(_hidden(maps) if isinstance(encoder.image, Swin) else stages(maps)),
        **joint(encoder, features, text),
        "pooled": features.pooled,
        "grid": features.grid,
        "image_proj": encoder.image_projection(features.pooled),
        "image_embed_from_channel0": encoder.project_image(grey),
        "text_feat": text,
        "text_proj": encoder.text_projection(text),
        "text_last_hidden_slice": encoder.text(tokens).last_hidden_state[:, ::4, ::32],
        "text_embed_seq0_unpadded": encoder.project_text(encoder.text_features(alone)),
        "logit_scale_clamped": encoder.clamped_scale(),
        "logits_per_image": encoder.logits(images, texts),
    }


def _hidden(maps: list[Tensor]) -> dict[str, Tensor]:
    """The patches and the stages of a Swin, before its final norm."""
    return {f"hidden{number}": output for number, output in enumerate(maps[:-1])}


compare = golden(_compute)
