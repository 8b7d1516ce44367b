"""M-FLAG: ResNet-50 aligned with a frozen CXR-BERT (Liu et al., MICCAI 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.projection import batch_norm_projection, unit
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens


class MFlagSettings(Settings):
    """Sizes; the defaults are those of the weights that BenchX trained."""

    text: TextSettings = TextSettings(vocab_size=30522, lowercase=True, special_ids=(2, 0, 3, 1))
    hidden: int = 2048
    joint: int = 1024


class MFlag(ImageEncoder):
    """Pooled and grid are those of the last stage; a text is the last layer's first token."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, MFlagSettings)
        self.image = ResNet()
        self.text = TextTower(settings.text)
        width, hidden, joint = settings.text.dim, settings.hidden, settings.joint
        self.image_projection = batch_norm_projection(self.pooled_dim, hidden, joint)
        self.text_projection = batch_norm_projection(width, hidden, joint)

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer."""
        self.text.use_file(name, path)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×2048 and grid B×2048×7×7."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×768."""
        out: Tensor = self.text(tokens).last_hidden_state[:, 0]
        return out

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts to B×768."""
        return self.text_features(self.text.tokens(texts))

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×1024, L2-normalised."""
        return unit(self.image_projection(features.pooled))

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×1024, L2-normalised."""
        return unit(self.text_projection(encoded))
