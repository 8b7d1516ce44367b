"""ConVIRT: ResNet-50 and RoBERTa, aligned report by report (arXiv 2010.00747)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.aligned import ReadsTexts
from .parts.image import ImageEncoder
from .parts.projection import relu_projection
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens


class ConVirtSettings(Settings):
    """Sizes; the defaults are those of the retrained weights of BenchX."""

    text: TextSettings = TextSettings(
        kind="roberta", vocab_size=50265, positions=514, types=1, eps=1e-5, pooler=True,
        max_tokens=128,
    )  # fmt: skip
    joint: int = 768


class ConVirt(ReadsTexts, ImageEncoder):
    """Pooled and grid are those of the last stage; a text is RoBERTa's pooled first token."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, ConVirtSettings)
        self.image = ResNet()
        self.text = TextTower(settings.text)
        width, joint = settings.text.dim, settings.joint
        self.image_projection = relu_projection(self.pooled_dim, joint, joint)
        self.text_projection = relu_projection(width, joint, joint)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×2048 and grid B×2048×7×7."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×768."""
        out: Tensor = self.text(tokens).pooler_output.float()
        return out
