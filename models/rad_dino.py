"""Rad-DINO: DINOv2 continued on radiographs, without reports (arXiv 2401.10815)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard

from .parts.vit_image import VitEncoder


class RadDino(VitEncoder):
    """Pooled is the CLS token, grid the patches, both after the final norm.

    Images of any size that the patches divide are taken: positions are resized as transformers'
    Dinov2Model does it, which is not how timm does it.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card, "vit_base_patch14_dinov2")

    def tokens(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens after the final norm."""
        return self.image.resized(pixels)
