"""Masks as bytes: eight pixels a byte, compressed; most masks are empty or a few blobs."""

from __future__ import annotations

import zlib

import numpy as np

from cxrbench.data.regions import Mask


def pack_mask(mask: Mask) -> bytes:
    """A bool H×W mask as bytes; the shape has to be kept beside them."""
    return zlib.compress(np.packbits(mask).tobytes(), level=1)


def unpack_mask(packed: bytes, shape: tuple[int, int]) -> Mask:
    """What `pack_mask` was given.

    Raises:
        ValueError: When the bytes hold fewer pixels than the shape has.
        zlib.error: When they are damaged.
    """
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8))
    height, width = shape
    if bits.size < height * width:
        raise ValueError(f"{bits.size} pixels for a mask of {height}×{width}")
    return bits[: height * width].reshape(shape).astype(bool)
