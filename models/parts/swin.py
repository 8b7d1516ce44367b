"""The Swin transformer of transformers, whose results do not depend on what it saw before."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import SwinConfig, SwinModel

from .settings import Settings


class SwinSettings(Settings):
    """A Swin transformer; the defaults are those of Swin-Tiny with windows of 7×7."""

    dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7


class Swin(nn.Module):
    """A Swin transformer without its classifier, under the key `net`.

    transformers shrinks the window of a stage for good once the stage sees a map that is no larger
    than the window, and the block no longer shifts: a larger image that comes later is then
    encoded wrongly. Windows and shifts are therefore put back before every image.

    Args:
        settings: Sizes.
    """

    def __init__(self, settings: SwinSettings) -> None:
        super().__init__()
        config = SwinConfig(
            embed_dim=settings.dim,
            depths=list(settings.depths),
            num_heads=list(settings.heads),
            window_size=settings.window,
        )
        net: Any = SwinModel(config, add_pooling_layer=False)
        blocks = [block for stage in net.encoder.layers for block in stage.blocks]
        self.net = net
        self._windows = [(block, block.window_size, block.shift_size) for block in blocks]

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Encode B×3×H×W normalised pixels.

        Returns:
            Maps, B×C×h×w each: of the patches, after each stage, and of the last stage after the
            final norm.
        """
        self._reset()
        out = self.net(pixels, output_hidden_states=True)
        maps = list(out.reshaped_hidden_states)
        return [*maps, out.last_hidden_state.mT.reshape(maps[-1].shape)]

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """The outputs of the stages before patches are merged: strides 4, 8, 16 and 32."""
        self._reset()
        patches, shape = self.net.embeddings(pixels)
        out = self.net.encoder(
            patches,
            shape,
            output_hidden_states=True,
            output_hidden_states_before_downsampling=True,
        )
        return list(out.reshaped_hidden_states)[1:]

    def _reset(self) -> None:
        for block, window, shift in self._windows:
            block.window_size, block.shift_size = window, shift
