"""What a text decoder reads of an image, for any encoder."""

from __future__ import annotations

from torch import Tensor

from cxrbench.encoder import ImageBatch, ImageEncoder, ReportMemory
from cxrbench.errors import BadRequest


def memory_of(encoder: ImageEncoder, batch: ImageBatch) -> Tensor:
    """The memory of a batch, B×T×D.

    It is what the encoder offers a decoder (`ReportMemory`); of others their latents, or else their
    grid, row by row.

    Raises:
        BadRequest: When the encoder has one vector an image and nothing else.
    """
    if isinstance(encoder, ReportMemory):
        return encoder.report_memory(batch)
    features = encoder.encode_image(batch)
    if features.latents is not None:
        return features.latents
    if features.grid is not None:
        return features.grid.flatten(2).mT
    raise BadRequest(
        f"{type(encoder).__name__} cannot be asked for reports",
        why="it has neither a grid nor latents that a decoder could read",
        fix="choose an encoder that has one of them",
    )
