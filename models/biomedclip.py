"""BiomedCLIP: ViT and PubMedBERT, aligned on figures of articles (arXiv 2303.00915)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.projection import unit
from .parts.settings import settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens
from .parts.vit_image import VitEncoder, VitSettings


class BiomedClipSettings(VitSettings):
    """Sizes; the defaults are the published ones."""

    text: TextSettings = TextSettings(
        vocab_size=30522, max_tokens=256, lowercase=True, special_ids=(2, 0, 3, 1)
    )
    joint: int = 512


class BiomedClip(VitEncoder):
    """Pooled is the CLS token of the ViT, a text is the first token of PubMedBERT."""

    settings_type = BiomedClipSettings

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, BiomedClipSettings)
        width, joint = settings.text.dim, settings.joint
        self.text = TextTower(settings.text)
        self.image_projection = nn.Linear(self.pooled_dim, joint, bias=False)
        hidden = (width + joint) // 2
        self.text_projection = nn.Sequential(
            nn.Linear(width, hidden, bias=False), nn.GELU(), nn.Linear(hidden, joint, bias=False)
        )

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer."""
        self.text.use_file(name, path)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×768."""
        out: Tensor = self.text(tokens).last_hidden_state[:, 0]
        return out

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode captions or prompts to B×768."""
        return self.text_features(self.text.tokens(texts))

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×512, L2-normalised."""
        return unit(self.image_projection(features.pooled))

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×512, L2-normalised."""
        return unit(self.text_projection(encoded))
