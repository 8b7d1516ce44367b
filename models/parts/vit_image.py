"""An encoder that is a ViT and nothing else."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .image import ImageEncoder
from .settings import Settings, settings_of
from .vit import VisionTransformer


class VitSettings(Settings):
    """Changes of the architecture."""

    image: dict[str, Any] = Field(
        default_factory=dict, description="Of timm's model, as timm takes them."
    )


class VitEncoder(ImageEncoder):
    """Pooled is the CLS token, grid the patches, both after the final norm.

    Args:
        card: Its `config.image` may change the architecture.
        name: Of timm.
        **architecture: Of the family, as timm takes it.

    Attributes:
        settings_type: What `config` of the card holds.
    """

    settings_type: ClassVar[type[VitSettings]] = VitSettings

    def __init__(
        self, card: ModelCard, name: str = "vit_base_patch16_224", **architecture: Any
    ) -> None:
        super().__init__(card)
        changes = settings_of(card, self.settings_type).image
        self.image = VisionTransformer(name, **{**architecture, **changes})

    def tokens(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens."""
        out: Tensor = self.image(pixels)
        return out

    def pool(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to B×D."""
        return tokens[:, 0]

    def patch_mean(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to B×D: the mean over the patches, without CLS."""
        return tokens[:, self.image.prefix :].mean(dim=1)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×H×W to pooled B×D and grid B×D×h×w."""
        tokens, shape = self.tokens(pixels), self.image.shape(pixels)
        return ImageFeatures(pooled=self.pool(tokens), grid=self.image.grid(tokens, shape))
