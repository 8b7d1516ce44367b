"""UPerNet (Xiao et al. 2018) with an auxiliary head, as MMSegmentation trains it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from segmentation_models_pytorch.decoders.upernet.decoder import UPerNetDecoder
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.runners.segmentation.features import Features
from cxrbench.runners.segmentation.recipe import Decoder

_CLASSES = 2
_LEAST_DEPTH = 3


class UperNet(nn.Module):
    """The decoder of segmentation-models-pytorch over maps of several scales.

    It normalises every map first, which MMSegmentation does not. There are two logits a pixel, and
    what is returned is their difference: its sigmoid is their softmax. The auxiliary head reads the
    last map but one.

    Args:
        settings: Widths, dropout, and the auxiliary head.
        widths: C of each map, the finest first; three at least.
        size: H and W of the mask.
    """

    def __init__(self, settings: Decoder, widths: Sequence[int], size: tuple[int, int]) -> None:
        super().__init__()
        width = settings.channels[0]
        if settings.plain_channels is not None and len(set(widths)) == 1:
            width = settings.plain_channels
        self._size = size
        # The first two are maps of the size of the image and of half of it, which it leaves out.
        depth = max(_LEAST_DEPTH, len(widths) + 1)
        self.decoder = UPerNetDecoder([0, 0, *widths], depth, width)
        self.head = nn.Sequential(
            nn.Dropout2d(settings.dropout), nn.Conv2d(width, _CLASSES, kernel_size=1)
        )
        self.auxiliary: nn.Module | None = None
        if settings.auxiliary_weight:
            inner = settings.auxiliary_channels
            self.auxiliary = nn.Sequential(
                nn.Conv2d(widths[-2], inner, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                nn.Dropout2d(settings.dropout),
                nn.Conv2d(inner, _CLASSES, kernel_size=1),
            )

    def forward(self, features: Features) -> list[Tensor]:
        """B×H×W logits; in training those of the auxiliary head too."""
        maps = list(features.maps)
        found = [self._logits(self.head(self.decoder([maps[0], maps[0], *maps])))]
        if self.training and self.auxiliary is not None:
            found.append(self._logits(self.auxiliary(maps[-2])))
        return found

    def _logits(self, both: Tensor) -> Tensor:
        scaled = F.interpolate(both, self._size, mode="bilinear", align_corners=False)
        absent, present = torch.unbind(scaled, dim=1)
        return present - absent
