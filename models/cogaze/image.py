"""The image trunk: Rad-DINO, a DINOv2 vision transformer that CoGaze never trains."""

from __future__ import annotations

from torch import nn
from transformers import Dinov2Config, Dinov2Model

from .config import CoGazeSettings


def build_image_encoder(settings: CoGazeSettings) -> Dinov2Model:
    """A `Dinov2Model` with random weights, frozen when the settings say so."""
    vision = settings.vision
    trunk = Dinov2Model(
        Dinov2Config(
            image_size=vision.image_size,
            patch_size=vision.patch_size,
            hidden_size=settings.dim,
            num_hidden_layers=vision.layers,
            num_attention_heads=vision.heads,
            mlp_ratio=4,
            layer_norm_eps=1e-6,
        )
    )
    if vision.position_std is not None:
        nn.init.normal_(trunk.embeddings.position_embeddings, std=vision.position_std)
    return trunk.requires_grad_(not vision.freeze_trunk)
