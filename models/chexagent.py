"""The vision tower of CheXagent: SigLIP continued on radiographs (arXiv 2401.12208)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor
from transformers import SiglipVisionConfig, SiglipVisionModel

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.settings import Settings, settings_of


class CheXagentSettings(Settings):
    """Sizes; the defaults are those of ViT-L/16 at 512 pixels."""

    image_size: int = 512
    patch_size: int = 16
    layers: int = 24
    heads: int = 16
    intermediate: int = 4096
    activation: Literal["gelu_pytorch_tanh", "gelu"] = "gelu_pytorch_tanh"


class CheXagentVision(ImageEncoder):
    """Pooled is what SigLIP's attention pooling makes of the patches; there is no CLS token."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, CheXagentSettings)
        self.side = settings.image_size // settings.patch_size
        config = SiglipVisionConfig(
            hidden_size=self.pooled_dim,
            intermediate_size=settings.intermediate,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            image_size=settings.image_size,
            patch_size=settings.patch_size,
            hidden_act=settings.activation,
        )
        self.image: Any = SiglipVisionModel(config)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×512×512 to pooled B×1024 and grid B×1024×32×32."""
        out = self.image(pixel_values=pixels)
        patches: Tensor = out.last_hidden_state
        grid = patches.mT.reshape(len(patches), -1, self.side, self.side)
        return ImageFeatures(pooled=out.pooler_output, grid=grid)
