"""A trial of an encoder before hours of work are put into its input."""

from __future__ import annotations

import torch

from cxrbench.encoder import ImageBatch, ImageEncoder
from cxrbench.errors import RunError
from cxrbench.image_spec import ImageSpec
from cxrbench.training.features import autocast, to_device


def try_encoder(encoder: ImageEncoder, spec: ImageSpec, device: str, precision: str) -> None:
    """Encode one black image of the size that will be used.

    Raises:
        RunError: When the encoder does not take it, or gives another width than it says.
    """
    height, width = spec.size
    to_device(encoder, device)
    try:
        with torch.inference_mode(), autocast(device, precision):
            black = torch.zeros(1, 3, height, width, device=device)
            pooled = encoder.encode_image(ImageBatch(pixels=black, view=[None])).pooled
    except (RuntimeError, ValueError, AssertionError) as error:
        lines = str(error).strip().splitlines()
        raise RunError(
            f"the encoder does not take images of {height}×{width} pixels",
            why=f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}",
            fix="choose a protocol with the encoder's own preprocessing, or another encoder",
        ) from error
    if pooled.shape != (1, encoder.pooled_dim):
        raise RunError(
            "the encoder gives features of another shape than it says",
            why=f"pooled has the shape {tuple(pooled.shape)}, pooled_dim is {encoder.pooled_dim}",
            fix="correct the plugin; `cxrbench check` finds this",
        )
