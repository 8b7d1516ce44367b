"""ResNet-50 as timm builds it; its parameters have torchvision's names."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ("layer1", "layer2", "layer3", "layer4")


class ResNet(nn.Module):
    """A ResNet-50 without its classifier, under the key `net`.

    Args:
        last: The last stage it has, 1 to 4.
        name: Another ResNet of timm.
        upsample: Side in pixels that inputs are scaled to first, bilinearly with aligned corners;
            None leaves them as they are.
    """

    def __init__(self, last: int = 4, name: str = "resnet50", upsample: int | None = None) -> None:
        super().__init__()
        net: Any = timm.create_model(name, num_classes=0, global_pool="")
        for stage in STAGES[last:]:
            setattr(net, stage, nn.Identity())
        self.net, self._stages, self.upsample = net, STAGES[:last], upsample

    def scaled(self, pixels: Tensor) -> Tensor:
        """The pixels that the first layer sees."""
        if self.upsample is None:
            return pixels
        side = (self.upsample, self.upsample)
        return F.interpolate(pixels, size=side, mode="bilinear", align_corners=True)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """B×3×H×W normalised pixels to the outputs of the stages, B×C×h×w each."""
        return self.pyramid(self.scaled(pixels))

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """The same for pixels that are not scaled: strides 4, 8, 16 and 32."""
        net = self.net
        x = net.maxpool(net.act1(net.bn1(net.conv1(pixels))))
        outputs = []
        for stage in self._stages:
            x = getattr(net, stage)(x)
            outputs.append(x)
        return outputs
