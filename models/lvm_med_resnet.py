"""LVM-Med's ResNet-50: self-supervised on medical images of many kinds (arXiv 2306.11925)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.resnet import ResNet


class LvmMedResNet(ImageEncoder):
    """Pooled and grid are those of the last stage."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.image = ResNet()

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×H×W to pooled B×2048 and grid B×2048×h×w, 32 pixels a cell."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)
