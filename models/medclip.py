"""MedCLIP: images and texts aligned by the findings they share (arXiv 2210.10163)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.aligned import ReadsTexts
from .parts.image import ImageEncoder
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.swin import Swin, SwinSettings
from .parts.text import TextSettings, TextTower, mean_of_own
from .parts.tokens import Tokens


class MedClipSettings(Settings):
    """Sizes; the defaults are those of the published weights.

    Attributes:
        trunk: Of the images.
        text_layers: Hidden states of the text tower that are averaged; 0 is the embeddings.
    """

    trunk: Literal["resnet50", "swin"]
    swin: SwinSettings = SwinSettings()
    text: TextSettings = TextSettings(max_tokens=77, lowercase=True)
    text_layers: tuple[int, ...] = (1, 2, -1)
    joint: int = 512


class MedClip(ReadsTexts, ImageEncoder):
    """Pooled is the mean of the grid; a text is the mean of its tokens over several layers."""

    largest_log_scale = math.log(100)

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, MedClipSettings)
        self.settings = settings
        self.image: nn.Module = ResNet() if settings.trunk == "resnet50" else Swin(settings.swin)
        self.text = TextTower(settings.text)
        self.image_projection = nn.Linear(self.pooled_dim, settings.joint, bias=False)
        self.text_projection = nn.Linear(settings.text.dim, settings.joint, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×H×W to pooled B×D and grid B×D×h×w, 32 pixels a cell."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)

    def text_features(self, tokens: Tokens, *, over_padding: bool = False) -> Tensor:
        """B texts to B×768.

        Args:
            tokens: The texts.
            over_padding: Whether the mean takes the padding in, as the authors' does; a vector then
                depends on the longest text of the batch.
        """
        states = self.text(tokens).hidden_states
        mask = torch.ones_like(tokens.mask) if over_padding else tokens.mask
        chosen = [mean_of_own(states[layer], mask) for layer in self.settings.text_layers]
        return torch.stack(chosen).mean(dim=0)

    def logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """N×M cosines of projected images and texts, times the learned factor of at most 100."""
        return images @ texts.T * self.clamped_scale().exp()

    def clamped_scale(self) -> Tensor:
        """The logarithm of the learned factor, in its bounds."""
        return self.logit_scale.clamp(0, self.largest_log_scale)
