"""What a decoder reads of an encoder, and how it is kept where the encoder is frozen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cxrbench.encoder import ImageBatch, ImageEncoder
from cxrbench.generation.memory import memory_of
from cxrbench.image_spec import ImageSpec
from cxrbench.training.features import autocast

_LARGEST = torch.finfo(torch.float16).max


@dataclass(frozen=True)
class MemoryReader:
    """Reads the memory of images.

    Attributes:
        encoder: The encoder.
        tokens: T of an image.
        dim: D of a token.
    """

    encoder: ImageEncoder
    tokens: int
    dim: int

    @classmethod
    def of(
        cls, encoder: ImageEncoder, spec: ImageSpec, device: str, precision: str
    ) -> MemoryReader:
        """Find out what there is, by encoding one black image.

        Raises:
            BadRequest: When the encoder has one vector an image and nothing else.
        """
        black = ImageBatch(pixels=torch.zeros(1, 3, *spec.size, device=device), view=[None])
        with torch.inference_mode(), autocast(device, precision):
            _, tokens, dim = memory_of(encoder, black).shape
        return cls(encoder, tokens, dim)

    def read(self, batch: ImageBatch) -> Tensor:
        """B×T×D of a batch."""
        return memory_of(self.encoder, batch)

    def rows(self, batch: ImageBatch) -> Tensor:
        """The memory of a batch as B×TD float16, as it is kept."""
        return self.read(batch).float().flatten(1).clamp(-_LARGEST, _LARGEST).half()

    def memory(self, rows: Tensor) -> Tensor:
        """What `rows` was given, in float32."""
        return rows.float().reshape(len(rows), self.tokens, self.dim)
