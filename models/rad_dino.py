"""Rad-DINO: DINOv2 continued on radiographs, without reports (arXiv 2401.10815)."""

from __future__ import annotations

from cxrbench.cards import ModelCard

from .parts.vit_image import VitEncoder


class RadDino(VitEncoder):
    """Pooled is the CLS token, grid the patches, both after the final norm."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card, "vit_base_patch14_dinov2")
