"""CheXWorld: a ViT that predicts parts of radiographs from parts (arXiv 2504.13820)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard

from .parts.vit_image import VitEncoder


class CheXWorld(VitEncoder):
    """The target encoder; it has no CLS token, and pooled is the mean after the final norm.

    Images of any size that the patches divide are taken: positions are resized as its authors do
    it, which is not how timm does it.
    """

    def __init__(self, card: ModelCard) -> None:
        # `fc_norm` off: timm would put a fresh norm behind the pooling and drop the pretrained one.
        super().__init__(card, class_token=False, global_pool="avg", fc_norm=False)

    def tokens(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens after the final norm."""
        return self.image.resized(pixels)

    def pool(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to B×D."""
        return self.patch_mean(tokens)
