"""What a decoder reads of an encoder: its grid, its latents, or maps at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from cxrbench.encoder import ImageBatch, ImageEncoder, ImageFeatures, MakesPyramid
from cxrbench.errors import RunError
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.segmentation.recipe import SegmentationRecipe
from cxrbench.training.features import autocast
from cxrbench.training.pyramid import SCALES, rescaled

_LARGEST = torch.finfo(torch.float16).max
_LEAST_MAPS = 3

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Features:
    """What a decoder reads of a batch.

    Attributes:
        maps: B×C×h×w each, the finest first; a grid is one.
        latents: B×M×D, where the decoder has a place for them.
    """

    maps: Sequence[Tensor]
    latents: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        """All of them, the maps first."""
        return [*self.maps, *([] if self.latents is None else [self.latents])]


@dataclass(frozen=True)
class Reader:
    """Reads the features of an encoder.

    Attributes:
        encoder: The encoder.
        kind: What is read.
        maps: Shape of each map, without the batch.
        latents: Shape of the latents, None where none are read.
        notes: What a reader of the record should know.
    """

    encoder: ImageEncoder
    kind: str
    maps: tuple[Shape, ...]
    latents: Shape | None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        encoder: ImageEncoder,
        recipe: SegmentationRecipe,
        spec: ImageSpec,
        device: str,
        precision: str,
    ) -> Reader:
        """Find out what there is, by encoding one black image.

        Raises:
            RunError: When the encoder has no grid, or too few maps.
        """
        black = torch.zeros(1, 3, *spec.size, device=device)
        batch = ImageBatch(pixels=black, view=[None])
        with torch.inference_mode(), autocast(device, precision):
            if recipe.decoder.name == "upernet":
                return _of_pyramid(encoder, batch)
            features = encoder.encode_image(batch)
        shape = tuple(_grid(features).shape[1:])
        mixes = recipe.decoder.name == "latent-mixing"
        found = tuple(features.latents.shape[1:]) if features.latents is not None else None
        if mixes and found is not None and found[1] == shape[0]:
            return cls(encoder, "grid-latents", (shape,), found)
        notes = ("the encoder has no latents of the grid's width: decoded from the grid alone",)
        return cls(encoder, "grid", (shape,), None, notes if mixes else ())

    def read(self, batch: ImageBatch) -> Features:
        """The features of a batch."""
        if self.kind == "pyramid":
            return Features(_pyramid(self.encoder, batch) or [])
        features = self.encoder.encode_image(batch)
        if self.kind == "grid-pyramid":
            return Features(_levels(_grid(features)))
        return Features([_grid(features)], None if self.latents is None else features.latents)

    def rows(self, batch: ImageBatch) -> Tensor:
        """The features of a batch as B×K float16, as they are kept."""
        flat = [tensor.float().flatten(1) for tensor in self.read(batch).tensors]
        return torch.cat(flat, dim=1).clamp(-_LARGEST, _LARGEST).half()

    def features(self, rows: Tensor) -> Features:
        """What `rows` was given, in float32."""
        shapes = [*self.maps, *([] if self.latents is None else [self.latents])]
        parts = torch.split(rows.float(), [prod(shape) for shape in shapes], dim=1)
        tensors = [p.reshape(len(p), *shape) for p, shape in zip(parts, shapes, strict=True)]
        count = len(self.maps)
        return Features(tensors[:count], None if self.latents is None else tensors[count])


def _of_pyramid(encoder: ImageEncoder, batch: ImageBatch) -> Reader:
    """The maps that the encoder makes, else its grid at four scales."""
    made = _pyramid(encoder, batch)
    if made is not None:
        if len(made) < _LEAST_MAPS:
            raise RunError(
                "the encoder gives too few maps of several scales",
                why=f"upernet reads {_LEAST_MAPS} at least, encode_pyramid gives {len(made)}",
                fix="return three or four, or None to have the grid rescaled",
            )
        return Reader(encoder, "pyramid", tuple(tuple(m.shape[1:]) for m in made), None)
    levels = _levels(_grid(encoder.encode_image(batch)))
    scales = ", ".join(f"×{scale:g}" for scale in SCALES)
    notes = (f"the encoder has no maps of several scales: its grid is rescaled {scales}",)
    return Reader(encoder, "grid-pyramid", tuple(tuple(m.shape[1:]) for m in levels), None, notes)


def _pyramid(encoder: ImageEncoder, batch: ImageBatch) -> list[Tensor] | None:
    made = encoder.encode_pyramid(batch) if isinstance(encoder, MakesPyramid) else None
    return None if made is None else list(made)


def _levels(grid: Tensor) -> list[Tensor]:
    return rescaled([grid] * len(SCALES))


def _grid(features: ImageFeatures) -> Tensor:
    if features.grid is None:
        raise RunError(
            "the encoder gives no grid to segment from",
            why="its features have a pooled vector and no map",
            fix="choose an encoder with a grid, or return one as `grid` in the plugin",
        )
    return features.grid
