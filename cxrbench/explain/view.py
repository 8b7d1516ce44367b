"""A radiograph as an encoder sees it, sharp enough to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np

from cxrbench.data.images import GreyImage, read_grey
from cxrbench.data.regions import Mask, Region, draw
from cxrbench.data.samples import Sample
from cxrbench.data.transforms import apply_geometry
from cxrbench.image_spec import ImageSpec

_SIDE = 448


@dataclass(frozen=True)
class View:
    """A picture of a sample.

    Attributes:
        grey: H×W: the encoder's input, or a whole multiple of it in size.
        marked: H×W, what is marked on it; None where nobody looked.
    """

    grey: GreyImage
    marked: Mask | None


def view(sample: Sample, spec: ImageSpec, regions: Iterable[Region] | None = None) -> View:
    """Crop a radiograph as the encoder's input is, from the original and not from that input.

    Args:
        sample: The radiograph.
        spec: The encoder's input.
        regions: What to outline; None for nothing.

    Raises:
        DataError: When the image or a mask does not decode.
    """
    factor = max(1, ceil(_SIDE / max(spec.size)))
    sharp = spec.model_copy(update={"size": (factor * spec.size[0], factor * spec.size[1])})
    grey = read_grey(sample.image)
    marked = None
    if regions is not None:
        mask = draw(regions, *(sample.shape or (grey.shape[0], grey.shape[1])))
        marked = apply_geometry(mask.astype(np.uint8) * 255, sharp) > 127
    return View(apply_geometry(grey, sharp), marked)
