"""From a grey image to the tensor an encoder wants."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cxrbench.data.images import GreyImage
from cxrbench.image_spec import ImageSpec

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def apply_geometry(image: GreyImage, spec: ImageSpec) -> GreyImage:
    """Resize and crop or pad H×W uint8 to the spec's size, still uint8.

    The work is done on 8-bit pixels with antialiasing, as the image processors of the published
    encoders do it.
    """
    height, width = spec.size
    source = Image.fromarray(image)
    resample = _FILTERS[spec.interpolation]
    if spec.resize == "squash":
        return np.asarray(source.resize((width, height), resample))
    if spec.resize == "short_side_crop":
        target = (round(height / spec.crop_fraction), round(width / spec.crop_fraction))
        scale = max(target[0] / source.height, target[1] / source.width)
    else:
        scale = min(height / source.height, width / source.width)
    scaled = source.resize(
        (max(1, round(source.width * scale)), max(1, round(source.height * scale))), resample
    )
    left, top = (scaled.width - width) // 2, (scaled.height - height) // 2
    # A crop beyond the border pads with black, so one call serves cropping and padding.
    return np.asarray(scaled.crop((left, top, left + width, top + height)))


def normalise(images: Tensor, spec: ImageSpec) -> Tensor:
    """B×H×W uint8 to B×3×H×W float32, normalised with the spec's mean and std."""
    scaled = images.to(torch.float32).div_(255.0).unsqueeze(1)
    mean = scaled.new_tensor(spec.mean).view(1, 3, 1, 1)
    std = scaled.new_tensor(spec.std).view(1, 3, 1, 1)
    return (scaled - mean) / std
