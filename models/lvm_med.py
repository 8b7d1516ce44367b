"""LVM-Med: the image encoder of Segment Anything, on medical images (arXiv 2306.11925)."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.settings import settings_of
from .parts.vit_image import VitSettings


class LvmMedVit(ImageEncoder):
    """Pooled is the mean of the patches after the last block, before SAM's neck.

    Its tables of relative positions are of 1024 pixels a side; at other sizes SAM's code
    interpolates them, and so does timm's.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        changes = {"img_size": 1024, **settings_of(card, VitSettings).image}
        net: Any = timm.create_model("samvit_base_patch16_224", num_classes=0, **changes)
        net.neck = nn.Identity()  # no part of what its authors classify with
        self.net = net

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×768 and grid B×768×14×14."""
        net = self.net
        grid: Tensor = net.blocks(net.patch_embed(pixels)).permute(0, 3, 1, 2)
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)
