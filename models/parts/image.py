"""What every baseline shares: images in, features out, preprocessing and width from the card."""

from __future__ import annotations

from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import PluginError, RunError


class ImageEncoder(nn.Module):
    """An encoder of images alone; subclasses add what else they can.

    Args:
        card: Names preprocessing and width.

    Attributes:
        image_spec: From the card.
        pooled_dim: D, from the card.

    Raises:
        PluginError: When the card lacks one of both.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        if card.preprocessing is None or card.dims.pooled is None:
            raise PluginError(
                f"cannot build {card.id}",
                why="its card lacks `preprocessing` or `dims.pooled`",
                fix="correct the card",
            )
        self.image_spec = card.preprocessing
        self.pooled_dim = card.dims.pooled

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×H×W normalised pixels to features."""
        raise NotImplementedError

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """Encode images to float32; view and context are of no use to these encoders.

        Raises:
            RunError: When the batch has no pixels.
        """
        if batch.pixels is None:
            raise RunError("cannot encode images", why="no pixels", fix="give pixels")
        return in_float32(self.features(batch.pixels))

    def encode_pyramid(self, batch: ImageBatch) -> list[Tensor] | None:
        """Maps of four scales (three where a stage was cut off), the finest first.

        They are those of the network `image`; None where it is of a kind that has no such maps.

        Raises:
            RunError: When the batch has no pixels.
        """
        if batch.pixels is None:
            raise RunError("cannot encode images", why="no pixels", fix="give pixels")
        make = getattr(getattr(self, "image", None), "pyramid", None)
        return None if make is None else [level.float() for level in make(batch.pixels)]


def in_float32(features: ImageFeatures) -> ImageFeatures:
    """The features in float32: under autocast the last layer decides what they come in."""
    grid, latents = features.grid, features.latents
    return ImageFeatures(
        pooled=features.pooled.float(),
        grid=None if grid is None else grid.float(),
        latents=None if latents is None else latents.float(),
    )
