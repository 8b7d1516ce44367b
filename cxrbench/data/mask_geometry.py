"""Masks between the original radiograph and an encoder's input.

A mask takes the way of its image: the same scaling, by the same filter, and the same window (see
`cxrbench.data.geometry`); it is scaled as 0 and 255, and what is at least half stays marked.
Predictions come back as probabilities: they are scaled bilinearly, and cut into yes and no at the
original size. Pixels that the input never showed, because they were cropped away, are not
predicted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from cxrbench.data.geometry import placement
from cxrbench.data.regions import Box, Ellipse, Mask, Region
from cxrbench.data.transforms import apply_geometry
from cxrbench.image_spec import ImageSpec

Probabilities = npt.NDArray[np.float32]
Boxes = Literal["as-drawn", "corners-as-size"]
Ellipses = Literal["as-drawn", "as-boxes"]

HALF = 0.5
"""A pixel is predicted from this probability on."""
_MARKED = 255


def to_input(mask: Mask, spec: ImageSpec) -> Mask:
    """A mask of the original, bool H×W, as the encoder's input shows it, bool of `spec.size`."""
    grey = np.where(mask, np.uint8(_MARKED), np.uint8(0))
    return np.asarray(apply_geometry(grey, spec) > _MARKED // 2)


def from_input(
    probabilities: Probabilities, shape: tuple[int, int], spec: ImageSpec
) -> Probabilities:
    """Probabilities of the input's pixels, of `spec.size`, to those of the original, `shape`."""
    height, width = shape
    place = placement(shape, spec)
    rows, columns = spec.size
    # The scaled original, with the border of the window repeated where the window does not reach.
    down = np.clip(np.arange(place.height) - place.top, 0, rows - 1)
    across = np.clip(np.arange(place.width) - place.left, 0, columns - 1)
    scaled = Image.fromarray(np.ascontiguousarray(probabilities[np.ix_(down, across)], np.float32))
    found = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR)).copy()
    found[~_seen(height, place.height, place.top, rows)] = 0
    found[:, ~_seen(width, place.width, place.left, columns)] = 0
    return found


def _seen(length: int, scaled: int, first: int, shown: int) -> npt.NDArray[np.bool_]:
    """Which pixels along one side of the original have their centre in the window."""
    centres = (np.arange(length) + 0.5) * scaled / length - first
    return np.asarray((centres >= 0) & (centres < shown))


def reread(
    regions: tuple[Region, ...], boxes: Boxes = "as-drawn", ellipses: Ellipses = "as-drawn"
) -> tuple[Region, ...]:
    """Regions as a code takes them.

    Args:
        regions: As the data set draws them.
        boxes: `corners-as-size` takes the lower right corner of every box, x + width and
            y + height, for its width and height; what leaves the image is cut off in drawing.
        ellipses: `as-boxes` fills the box around every ellipse.
    """
    return tuple(_reread(region, boxes, ellipses) for region in regions)


def _reread(region: Region, boxes: Boxes, ellipses: Ellipses) -> Region:
    if isinstance(region, Box) and boxes == "corners-as-size":
        return replace(region, width=region.x + region.width, height=region.y + region.height)
    if isinstance(region, Ellipse) and ellipses == "as-boxes":
        (x, right), (y, bottom) = sorted((region.x1, region.x2)), sorted((region.y1, region.y2))
        return Box(x, y, right - x, bottom - y, region.label)
    return region
