"""AFLoc: GLoRIA with a second scale of the image and with sentences (arXiv 2401.02044)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard

from .gloria import Gloria

FINE_CHANNELS = 512


class AFLoc(Gloria):
    """Pooled, grid and text are those of GLoRIA; the stage before the grid is projected too."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.local2_embedder = nn.Conv2d(FINE_CHANNELS, self.settings.joint, 1, bias=False)

    def fine_local(self, fine: Tensor) -> Tensor:
        """B×512×h×w of the second stage to B×768×h×w; not normalised."""
        out: Tensor = self.local2_embedder(fine)
        return out


def grounding_map(local: Tensor, texts: Tensor) -> Tensor:
    """Where each text is found: B×D×h×w cells and T×D texts to B×T×h×w cosines."""
    cells, wanted = F.normalize(local, dim=1), F.normalize(texts, dim=-1)
    return torch.einsum("bdhw,td->bthw", cells, wanted)
