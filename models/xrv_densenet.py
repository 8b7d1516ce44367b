"""DenseNet-121 of TorchXRayVision, a classifier of 18 findings (arXiv 2111.00595)."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.settings import settings_of
from .parts.vit_image import VitSettings


class XrvDenseNet(ImageEncoder):
    """It sees one channel, between -1024 and 1024; pooled is what its classifier is given."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        changes = settings_of(card, VitSettings).image
        net: Any = timm.create_model(
            "densenet121", num_classes=0, in_chans=1, global_pool="", **changes
        )
        self.net = net

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224, three times the same channel, to pooled B×1024 and grid B×1024×7×7."""
        grid: Tensor = self.net.forward_features(pixels[:, :1])
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)
