"""Small tools on image-sized float32 arrays. Lengths are in image widths: 1.0 is the width."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Field: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

CM = 1 / 40
"""One centimetre in image widths: the drawn field is 40 cm wide, as a large cassette is."""


def ramp(distance: Field, width: float) -> Field:
    """0 outside, 1 inside, linear over `width` around the border (distance > 0 is inside)."""
    out: Field = np.clip(distance / width + np.float32(0.5), 0, 1)
    return out


def dome(radius: Field) -> Field:
    """Thickness of a ball, 1 at the centre and 0 from `radius` = 1 on."""
    out: Field = np.sqrt(np.clip(1 - radius * radius, 0, None))
    return out


def pipe(distance: Field, outer: float, hollow: float) -> Field:
    """Thickness of the wall of a pipe seen from the side: bright rims, as a rib's cortex has.

    Args:
        distance: Distance to the axis.
        outer: Outer radius.
        hollow: Inner radius over outer radius, 0..1.

    Returns:
        Wall thickness over `outer`, 0 outside.
    """
    r = distance / outer
    return dome(r) - hollow * dome(r / hollow)


def bump(distance: Field, width: float) -> Field:
    """A Gaussian: 1 where the distance is 0, 0.6 at one `width`."""
    out: Field = np.exp(-0.5 * (distance / width) ** 2)
    return out


def noise(rng: np.random.Generator, cells: int, size: int) -> Field:
    """Smooth noise of about unit variance with `cells` grains along a side, size x size.

    The same grains are drawn whatever the size, so an image keeps its look at another size.
    """
    grains = rng.standard_normal((cells, cells), dtype=np.float32)
    return resized(grains, size)


def resized(field: Field, size: int) -> Field:
    """The square field at another size, bicubic."""
    image = Image.fromarray(field).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def blurred(field: Field, width: float) -> Field:
    """Gaussian blur of `width` image widths; wide blurs are made on a small copy."""
    size = field.shape[0]
    if width * 64 < 2 or size <= 64:
        out: Field = gaussian_filter(field, width * size, truncate=3.0, mode="nearest")
        return out
    small = Image.fromarray(field).resize((64, 64), Image.Resampling.BOX)
    soft: Field = gaussian_filter(np.asarray(small), width * 64, truncate=3.0, mode="nearest")
    return resized(soft, size)
