"""Where the pixels of a radiograph come to lie in an encoder's input."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from cxrbench.image_spec import ImageSpec


@dataclass(frozen=True)
class Placement:
    """The original scaled to `width`×`height`, seen through a window of the input's size.

    Attributes:
        width: Of the scaled original, in pixels.
        height: Of the scaled original.
        left: Left border of the window in the scaled original; negative where the input is
            padded.
        top: Upper border of the window.
    """

    width: int
    height: int
    left: int
    top: int


def placement(shape: tuple[int, int], spec: ImageSpec) -> Placement:
    """How an original of `shape`, height and width, is resized and cropped or padded."""
    height, width = spec.size
    if spec.resize in ("squash", "short_side_crop"):
        scaled = _scale_size(spec) if spec.resize == "squash" else _covering(shape, spec)
        left, top = round((scaled[0] - width) / 2), round((scaled[1] - height) / 2)
    else:
        scaled = _fitting(shape, spec)
        left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
    return Placement(*scaled, left, top)


def _scale_size(spec: ImageSpec) -> tuple[int, int]:
    """Width and height of which the crop is the centre.

    What is no whole pixel is cut off, as timm and torchvision do it: a rounded size shifts the
    crop by a pixel against the images an encoder was trained on.
    """
    height, width = (floor(side / spec.crop_fraction) for side in spec.size)
    return width, height


def _covering(shape: tuple[int, int], spec: ImageSpec) -> tuple[int, int]:
    """Width and height that cover the scale size, the aspect ratio kept."""
    (rows, columns), (width, height) = shape, _scale_size(spec)
    if height * columns >= width * rows:
        return height * columns // rows, height
    return width, width * rows // columns


def _fitting(shape: tuple[int, int], spec: ImageSpec) -> tuple[int, int]:
    """Width and height that fit into the scale size, the aspect ratio kept."""
    (rows, columns), (width, height) = shape, _scale_size(spec)
    scale = min(height / rows, width / columns)
    return max(1, round(columns * scale)), max(1, round(rows * scale))
