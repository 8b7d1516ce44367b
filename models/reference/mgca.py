"""Reference vectors of MGCA with either trunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from cxrbench.testing.golden import GoldenCase, golden

from ..parts.resnet import ResNet
from ..parts.tokens import Tokens
from ..parts.words import slots_of, sum_by_slot
from .shared import joint
from .words import continues

_TEMPERATURE = 0.07
_WORDS = slice(1, 25)


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder = case.encoder
    # Only this implementation returns what it attends to.
    encoder.text.bert.set_attn_implementation("eager")
    features = encoder.features(case.pixels())
    output = encoder.text_output(Tokens(case.ids, case.mask), output_attentions=True)
    slots = slots_of(continues(case.ids), case.mask)
    words = sum_by_slot(output.last_hidden_state, slots)
    text = words[:, 0]
    spaces = joint(encoder, features, text)
    return {
        **spaces,
        "similarity_over_tau": spaces["similarity"] / _TEMPERATURE,
        "pooled": features.pooled,
        "grid": features.grid,
        "local": encoder.local(features.grid),
        "image_proj": encoder.image_projection(features.pooled),
        "text_feat": text,
        "text_proj": encoder.text_projection(text),
        "word_feat_slice": words[:, _WORDS, ::32],
        "word_embed_slice": F.normalize(encoder.word_projection(words.mT), dim=1).mT[
            :, _WORDS, ::8
        ],
        "word_attn": _word_attention(output, slots)[:, _WORDS],
        "n_words": slots.amax(dim=1) + 1,
        **_without_upsampling(case, encoder),
    }


def _word_attention(output: Any, slots: Tensor) -> Tensor:
    """How much the start token attends to each word, a token late.

    The published code drops the attention to the start token before it sums over the pieces of a
    word, so that every token counts for the word of the one before it.
    """
    late = output.attentions[-1].mean(dim=1)[:, 0, 1:]
    return sum_by_slot(F.pad(late, (0, 1)).unsqueeze(-1), slots).squeeze(-1)


def _without_upsampling(case: GoldenCase, encoder: Any) -> dict[str, Tensor]:
    """What a ResNet sees, and what it makes of pixels that are not scaled up."""
    trunk = encoder.image
    if not isinstance(trunk, ResNet):
        return {}
    seen = trunk.scaled(case.pixels())
    side, trunk.upsample = trunk.upsample, None
    last = trunk(case.pixels())[-1]
    trunk.upsample = side
    return {
        "upsampled_slice": seen[:, :, ::37, ::37],
        "pooled_no_upsample": last.mean(dim=(2, 3)),
        "grid_l4_no_upsample": last,
    }


compare = golden(_compute)
