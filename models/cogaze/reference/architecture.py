"""The architecture that a manifest describes, read from the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any

from cxrbench.cards import ModelCard
from cxrbench.generation.decoder import DecoderSettings

from ..config import CoGazeSettings
from ..generation import PREFIX

Shapes = Mapping[str, Sequence[int]]

DECODER_SECTION = "report_generation_checkpoint"
"""Of a manifest: the encoder after generation was trained, and the decoder."""
TINY_HEADS = 4
"""Of the transformers of the small size, which no shape tells."""


def settings_of(manifest: Mapping[str, Any], size: str, card: ModelCard) -> CoGazeSettings:
    """The settings of a manifest, padding treated as released.

    Args:
        manifest: Its sections `pretrain_checkpoint` and `rad_dino` map names to shapes.
        size: `full` or `tiny`; decides the number of attention heads.
        card: Of the model: heads of the official size, and what shapes do not tell.
    """
    own, trunk = manifest["pretrain_checkpoint"], manifest["rad_dino"]
    declared = CoGazeSettings.from_card(card)
    latents, dim = own["shared_latent"]
    bert = "text_encoder.bert."
    vocabulary = own[f"{bert}embeddings.word_embeddings.weight"][0]
    positions = own[f"{bert}embeddings.position_embeddings.weight"][0]
    patch = trunk["embeddings.patch_embeddings.projection.weight"][-1]
    grid = isqrt(trunk["embeddings.position_embeddings"][1] - 1)
    small = size == "tiny"
    return CoGazeSettings.model_validate(
        {
            "dim": dim,
            "projector_dim": own["image_projector.projector.0.weight"][0],
            "vision": {
                "image_size": grid * patch,
                "patch_size": patch,
                "layers": _count(trunk, "encoder.layer."),
                "heads": TINY_HEADS if small else declared.vision.heads,
            },
            "text": {
                "vocab_size": vocabulary,
                "layers": _count(own, f"{bert}encoder.layer."),
                "heads": TINY_HEADS if small else declared.text.heads,
                "intermediate": own[f"{bert}encoder.layer.0.intermediate.dense.weight"][0],
                "positions": positions,
                "max_tokens": positions,
            },
            "perceiver": {"depth": _count(own, "perceiver.layers."), "latents": latents},
            "views": _views(declared.views, own["image_projector.add_pos_embed.pos_embed"][0]),
            "preset": "released",
        }
    )


def decoder_settings_of(manifest: Mapping[str, Any], size: str) -> DecoderSettings:
    """The settings of the report decoder of a manifest.

    Args:
        manifest: Its section `report_generation_checkpoint` maps names to shapes.
        size: `full` or `tiny`; decides the number of attention heads.
    """
    shapes, transformer = manifest[DECODER_SECTION], f"{PREFIX}decoder.transformer."
    vocabulary, dim = shapes[f"{transformer}wte.weight"]
    released = DecoderSettings()
    return DecoderSettings(
        vocab_size=vocabulary,
        dim=dim,
        layers=_count(shapes, f"{transformer}h."),
        heads=TINY_HEADS if size == "tiny" else released.heads,
        positions=shapes[f"{transformer}wpe.weight"][0],
    )


def _count(shapes: Shapes, prefix: str) -> int:
    """Layers whose tensors start with a prefix and a number."""
    return len({name[len(prefix) :].split(".")[0] for name in shapes if name.startswith(prefix)})


def _views(declared: Sequence[str], rows: int) -> tuple[str, ...]:
    """Names of the rows of the view table; made up where it is longer than the card's."""
    return (*declared[:rows], *(f"view-{row}" for row in range(len(declared), rows)))
