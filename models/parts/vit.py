"""A vision transformer as timm builds it, with its tokens before and after the final norm."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn


class VisionTransformer(nn.Module):
    """A ViT of timm without its classifier, under the key `net`.

    Args:
        name: Of timm.
        **changes: Of its architecture, as timm takes them (`depth`, `embed_dim`, `num_heads`, …).
    """

    def __init__(self, name: str = "vit_base_patch16_224", **changes: Any) -> None:
        super().__init__()
        # `norm` stays where it is: average pooling would put a fresh one behind the pooling.
        arguments = {"num_classes": 0, "global_pool": "token", **changes}
        self.net: Any = timm.create_model(name, **arguments)

    @property
    def prefix(self) -> int:
        """How many tokens, such as CLS, come before those of the patches."""
        return int(self.net.num_prefix_tokens)

    def blocks(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens before the final norm."""
        net = self.net
        x = net.norm_pre(net.patch_drop(net._pos_embed(net.patch_embed(pixels))))
        out: Tensor = net.blocks(x)
        return out

    def forward(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×N×D tokens after the final norm."""
        out: Tensor = self.net.norm(self.blocks(pixels))
        return out

    def grid(self, tokens: Tensor) -> Tensor:
        """B×N×D tokens to the B×D×h×w map of the patches; the input has to be square."""
        patches = tokens[:, self.prefix :]
        side = round(patches.shape[1] ** 0.5)
        return patches.mT.reshape(len(patches), -1, side, side)
