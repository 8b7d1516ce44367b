"""MRM: a masked autoencoder that also completes reports (arXiv 2301.13155)."""

from __future__ import annotations

from torch import Tensor

from .parts.vit_image import VitEncoder


class Mrm(VitEncoder):
    """Pooled is the mean of the patches before the final norm, as its authors fine-tune it.

    The pretrained final norm is loaded and left unused: `encoder.image` applies it.
    """

    def tokens(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens before the final norm."""
        return self.image.blocks(pixels)

    def pool(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to B×D."""
        return self.patch_mean(tokens)
