"""Weights and images made from names and seeds, so that golden numbers need no weight file.

A tensor is drawn by a PCG64 generator whose seed is the CRC-32 of the salt followed by the
tensor's name; the name and shape decide how the normal draws are scaled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_LEARNED_TABLES = {
    "shared_latent",
    "latents",
    "pos_embed",
    "cls_token",
    "mask_token",
    "position_embeddings",
}


def weight(name: str, shape: Sequence[int], salt: str) -> NDArray[np.float32]:
    """The value of one tensor of the vision and text towers."""
    kind = name.split(".")[-1]
    if kind.startswith("logit_scale"):
        return np.full(tuple(shape), math.log(1 / 0.07), np.float32)
    seed = crc32(f"{salt}{name}".encode())
    values = _generator(seed).standard_normal(tuple(shape))
    if kind == "lambda1":
        values = 0.5 + 0.1 * values
    elif kind in _LEARNED_TABLES or "latent_type_embed." in name:
        values = 0.5 * values
    elif kind == "bias":
        values = 0.02 * values
    elif len(shape) == 1:
        values = 1 + 0.1 * values
    else:
        values = values / math.sqrt(math.prod(shape[1:]))
    return values.astype(np.float32)


def image(seed: int, size: int) -> NDArray[np.float32]:
    """3×size×size normalised pixels: noise on plane waves that differ by channel."""
    noise = _generator(seed).standard_normal((3, size, size))
    angle = 2 * math.pi / size * np.arange(size)
    down, across = angle[:, None], (seed % 7 + 1) * angle[None, :]
    waves = [np.sin((channel + 1) * down + across + channel) for channel in range(3)]
    return (0.6 * noise + np.stack(waves)).astype(np.float32)


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))
