"""BEiT: a ViT that predicts the visual words of masked patches (arXiv 2106.08254)."""

from __future__ import annotations

from torch import Tensor

from cxrbench.cards import ModelCard

from .parts.vit_image import VitEncoder


class Beit(VitEncoder):
    """As it was before any fine-tuning: one table of relative positions for all blocks.

    Pooled is the mean of the patches after the norm of pretraining.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(
            card, "beit_base_patch16_224", use_rel_pos_bias=False, use_shared_rel_pos_bias=True,
        )  # fmt: skip

    def tokens(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens after the norm."""
        out: Tensor = self.image.net.forward_features(pixels)
        return out

    def pool(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to B×D."""
        return self.patch_mean(tokens)
