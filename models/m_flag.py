"""M-FLAG: ResNet-50 aligned with a frozen CXR-BERT (Liu et al., MICCAI 2023)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.aligned import ReadsTexts
from .parts.image import ImageEncoder
from .parts.projection import batch_norm_projection
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower


class MFlagSettings(Settings):
    """Sizes; the defaults are those of the weights that BenchX trained."""

    text: TextSettings = TextSettings(vocab_size=30522, lowercase=True, special_ids=(2, 0, 3, 1))
    hidden: int = 2048
    joint: int = 1024


class MFlag(ReadsTexts, ImageEncoder):
    """Pooled and grid are those of the last stage; a text is the last layer's first token."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, MFlagSettings)
        self.image = ResNet()
        self.text = TextTower(settings.text)
        width, hidden, joint = settings.text.dim, settings.hidden, settings.joint
        self.image_projection = batch_norm_projection(self.pooled_dim, hidden, joint)
        self.text_projection = batch_norm_projection(width, hidden, joint)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×2048 and grid B×2048×7×7."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)
