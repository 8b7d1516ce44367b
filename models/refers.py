"""REFERS: a ViT supervised by the reports of three views (arXiv 2111.03452)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.aligned import ReadsTexts
from .parts.projection import unit
from .parts.settings import settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens
from .parts.vit_image import VitEncoder, VitSettings

VIEWS = 3


class RefersSettings(VitSettings):
    """Sizes; the defaults are the published ones."""

    text: TextSettings = TextSettings(pooler=True, max_tokens=100, lowercase=True)


class Refers(ReadsTexts, VitEncoder):
    """Image and text: the joint space is that of three views, so an image stands for all three."""

    settings_type = RefersSettings

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        text = settings_of(card, RefersSettings).text
        self.text = TextTower(text)
        self.text_projection = nn.Linear(text.dim, VIEWS * self.pooled_dim)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×768: BERT's pooled first token."""
        out: Tensor = self.text(tokens).pooler_output.float()
        return out

    def three_views(self, pooled: Tensor) -> Tensor:
        """B×768 vectors of one view to B×2304, as if all three views had given the same."""
        return torch.cat(VIEWS * [pooled], dim=-1)

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×2304, L2-normalised: the one view three times."""
        return unit(self.three_views(features.pooled))
