"""A vision transformer as timm builds it, with its tokens before and after the final norm."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from cxrbench.errors import RunError
from cxrbench.training.pyramid import rescaled, taps

from .positions import bicubic_positions


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

    def shape(self, pixels: Tensor) -> tuple[int, int]:
        """(h, w): how many patches a B×3×H×W image has down and across."""
        height, width = self.net.patch_embed.patch_size
        return pixels.shape[2] // height, pixels.shape[3] // width

    def grid(self, tokens: Tensor, shape: tuple[int, int] | None = None) -> Tensor:
        """B×N×D tokens to the B×D×h×w map of the patches.

        Args:
            tokens: With those that come before the patches.
            shape: (h, w); None: that of the images the network was built for.

        Raises:
            RunError: When there are not h·w patches.
        """
        patches = tokens[:, self.prefix :]
        down, across = shape or self.net.patch_embed.grid_size
        if down * across != patches.shape[1]:
            raise RunError(
                "cannot lay patches out as a map",
                why=f"{patches.shape[1]} patches, expected {down}×{across}",
                fix="give images of the size of the card, or of whole patches",
            )
        return patches.mT.reshape(len(patches), -1, down, across)

    def embedded(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels of any size to the B×N×D tokens that the first block takes.

        Positions of patches are resized by plain bicubic interpolation, that of CLS is kept. For
        networks that embed patches by a convolution alone.
        """
        net, prefix = self.net, self.prefix
        patches: Tensor = net.patch_embed.proj(pixels)
        table = net.pos_embed
        positions = bicubic_positions(table[:, prefix:], (patches.shape[2], patches.shape[3]))
        x = patches.flatten(2).mT + positions
        if prefix:
            first = net.cls_token + table[:, :prefix]
            x = torch.cat([first.expand(len(x), -1, -1), x], dim=1)
        out: Tensor = net.norm_pre(net.patch_drop(x))
        return out

    def resized(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels of any size to B×N×D tokens after the final norm."""
        out: Tensor = self.net.norm(self.net.blocks(self.embedded(pixels)))
        return out

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """The maps after a third, half, two thirds and all of the blocks, rescaled.

        Of 12 blocks these are the 4th, 6th, 8th and 12th (`taps`), before the final norm. Positions
        are resized where the image has another size than the network was built for.
        """
        net, shape = self.net, self.shape(pixels)
        if shape == tuple(net.patch_embed.grid_size):
            # By timm, since not every network's blocks take tokens alone: BEiT's want a bias too.
            grids = net.forward_intermediates(pixels, intermediates_only=True)
        else:
            x, grids = self.embedded(pixels), []
            for block in net.blocks:
                x = block(x)
                grids.append(self.grid(x, shape))
        return rescaled([grids[tap - 1] for tap in taps(len(grids))])
