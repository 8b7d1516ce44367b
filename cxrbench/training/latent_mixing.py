"""The segmentation head of CoGaze: latents spread over the patches, then rounds of upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = (512, 256, 128, 64)


class LatentMixingHead(nn.Module):
    """Masks from latents and patch tokens.

    The attribute names are the keys of the released checkpoints. Each round is a convolution, batch
    norm, ReLU and bilinear upsampling by two; source: the released code of CoGaze.

    Args:
        dim: D.
        latents: M; 0 leaves the mixing of latents out, for encoders that have none.
        grid: h and w, patches down and across; P = h·w.
        size: H and W of the mask.
        channels: Of the decoder, from the coarsest round on.
    """

    def __init__(
        self,
        dim: int,
        latents: int,
        grid: tuple[int, int],
        size: tuple[int, int],
        channels: Sequence[int] = CHANNELS,
    ) -> None:
        super().__init__()
        self._grid, self._size = grid, size
        # The latents are the channels of this convolution, the width its length.
        self.token_expand = (
            nn.Conv1d(latents, grid[0] * grid[1], kernel_size=1) if latents else None
        )
        self.norm = nn.LayerNorm(dim)
        widths = [dim, *channels]
        self.decoder_blocks = nn.ModuleList(
            _block(before, after) for before, after in pairwise(widths)
        )
        self.final_conv = nn.Conv2d(widths[-1], 1, kernel_size=1)

    def forward(self, latents: Tensor | None, patches: Tensor) -> Tensor:
        """Segment images.

        Args:
            latents: B×M×D; not looked at where the head has no place for them.
            patches: B×P×D patch tokens, without the CLS token.

        Returns:
            B×1×H×W logits.
        """
        if self.token_expand is not None and latents is not None:
            patches = self.token_expand(latents) + patches
        maps: Tensor = self.norm(patches).mT.reshape(len(patches), -1, *self._grid)
        for block in self.decoder_blocks:
            maps = block(maps)
        return F.interpolate(self.final_conv(maps), self._size, mode="bilinear", align_corners=True)


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel_size=3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    )
