"""PTUnifier: fuses an image with a text and says whether they match (arXiv 2302.08958)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures
from cxrbench.errors import RunError

from .parts.coattention import CoAttention, CoAttentionSettings
from .parts.image import ImageEncoder
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower
from .parts.vit import VisionTransformer

IMAGES_AT_ONCE = 64
"""Pairs that are fused in one pass, which bounds the memory that scoring takes."""


class ImageSettings(Settings):
    """The CLIP vision transformer without its last block."""

    size: int = 224
    patch: int = 16
    depth: int = 11
    heads: int = 12


class PtUnifierSettings(Settings):
    """Sizes; the defaults are those of the published classes at 224 pixels."""

    image: ImageSettings = ImageSettings()
    text: TextSettings = TextSettings(
        kind="roberta", vocab_size=50265, positions=514, types=1, eps=1e-5, max_tokens=97,
    )  # fmt: skip
    fusion: CoAttentionSettings = CoAttentionSettings()


class PtUnifier(ImageEncoder):
    """Pooled is CLS and grid the patches of the image tower alone; pairs go through the fusion."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, PtUnifierSettings)
        image = settings.image
        self.image = VisionTransformer(
            "vit_base_patch16_clip_quickgelu_224",
            img_size=image.size,
            patch_size=image.patch,
            depth=image.depth,
            embed_dim=self.pooled_dim,
            num_heads=image.heads,
        )
        self.text = TextTower(settings.text)
        self.fusion = CoAttention(settings.fusion)
        self.head = nn.Linear(2 * settings.fusion.dim, 2)

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer."""
        self.text.use_file(name, path)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×768 and grid B×768×14×14."""
        tokens = self.image(pixels)
        return ImageFeatures(pooled=tokens[:, 0], grid=self.image.grid(tokens))

    def score_pairs(self, features: ImageFeatures, texts: Sequence[str]) -> Tensor:
        """N×M logits that image and text match; one pass of the fusion for each pair."""
        images = image_tokens(features)
        parts = [images[at : at + IMAGES_AT_ONCE] for at in range(0, len(images), IMAGES_AT_ONCE)]
        tokens = self.text.tokens(texts)
        states = self.text(tokens).last_hidden_state
        columns = []
        for padded, mask in zip(states, tokens.mask, strict=True):
            columns.append(torch.cat([self._match(part, padded[mask]) for part in parts]))
        return torch.stack(columns, dim=1)

    def _match(self, images: Tensor, text: Tensor) -> Tensor:
        """B×(1+P)×D tokens of images and the N×D states of one text to B logits."""
        states = text.expand(len(images), -1, -1)
        mask = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        logits: Tensor = self.head(self.fusion(states, mask, images))
        return logits[:, 1].float()


def image_tokens(features: ImageFeatures) -> Tensor:
    """B×(1+P)×D: CLS and the patches, as the image tower made them.

    Raises:
        RunError: When the features have no grid.
    """
    if features.grid is None:
        raise RunError(
            "cannot score images with texts",
            why="the features of the images have no grid",
            fix="give score_pairs what encode_image returned",
        )
    return torch.cat([features.pooled[:, None], features.grid.flatten(2).mT], dim=1)
