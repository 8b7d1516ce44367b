"""Reference vectors of REFERS, in the layouts of pretraining and of fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.registry import Registry
from cxrbench.testing.golden import GoldenCase, golden
from cxrbench.testing.reference import Compared

from ..parts.tokens import Tokens
from .shared import joint

_FINETUNED = "refers-finetuned"
_FILES = ("manifest_finetune_layout.json", "golden_finetune_layout.npz")
# Of vectors of three views, the arrays hold every third channel.
_STEP = 3


def _images(case: GoldenCase) -> Mapping[str, Tensor]:
    features = case.encoder.features(case.pixels())
    return {"pooled": features.pooled, "grid": features.grid}


def _images_and_texts(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, tokens = case.encoder, Tokens(case.ids, case.mask)
    features = encoder.features(case.pixels())
    text = encoder.text_features(tokens)
    space = joint(encoder, features, text)
    return {
        **_images(case),
        "image_proj_3view": encoder.three_views(features.pooled)[:, ::_STEP],
        "image_embed_repeat3": space["image_embed"][:, ::_STEP],
        "text_feat_pooler": text,
        "text_proj": encoder.text_projection(text),
        "text_embed": space["text_embed"],
        "similarity": space["similarity"],
    }


def compare(folder: Path, card: ModelCard) -> Iterator[Compared]:
    """The vectors of the pretraining layout, and those of the fine-tuning layout beside them."""
    yield from golden(_images_and_texts)(folder, card)
    if (folder / _FILES[0]).exists():
        other = Registry.discover().model(_FINETUNED).card
        for result in compare_finetuned(folder, other):
            yield replace(result, name=f"{_FINETUNED}: {result.name}")


def compare_finetuned(folder: Path, card: ModelCard) -> Iterator[Compared]:
    """The vectors of the fine-tuning layout, alone in a folder or beside the other ones."""
    if (folder / _FILES[0]).exists():
        yield from golden(_images, files=_FILES)(folder, card)
    else:
        yield from golden(_images)(folder, card)
