"""BiomedCLIP: ViT and PubMedBERT, aligned on figures of articles (arXiv 2303.00915)."""

from __future__ import annotations

from torch import nn

from cxrbench.cards import ModelCard

from .parts.aligned import ReadsTexts
from .parts.settings import settings_of
from .parts.text import TextSettings, TextTower
from .parts.vit_image import VitEncoder, VitSettings


class BiomedClipSettings(VitSettings):
    """Sizes; the defaults are the published ones."""

    text: TextSettings = TextSettings(
        vocab_size=30522, max_tokens=256, lowercase=True, special_ids=(2, 0, 3, 1)
    )
    joint: int = 512


class BiomedClip(ReadsTexts, VitEncoder):
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
