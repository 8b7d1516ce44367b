"""Reading a radiograph as an 8-bit grey image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.Image import DecompressionBombError

from cxrbench.errors import DataError

GreyImage = npt.NDArray[np.uint8]

# What Pillow raises on damaged files, on files of another kind and on absurdly large ones.
_UNREADABLE = (
    UnidentifiedImageError, DecompressionBombError, OSError, SyntaxError, ValueError,
)  # fmt: skip


def read_grey(path: Path) -> GreyImage:
    """Decode a PNG or JPEG file to H×W uint8, 0 black to 255 white.

    Colour and alpha (some files of the public sets carry four equal channels) are reduced to
    luma; 16-bit files keep their upper eight bits.

    Raises:
        DataError: When the file is missing, truncated or no image.
    """
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode.startswith("I"):
                return (np.asarray(image, dtype=np.uint32) >> 8).clip(0, 255).astype(np.uint8)
            return np.asarray(image.convert("L"))
    except FileNotFoundError as error:
        raise DataError(
            f"the image {path.name} is missing",
            why=f"{path} does not exist",
            fix="complete the download; `cxrbench data verify TASK` lists all that is missing",
        ) from error
    except _UNREADABLE as error:
        raise DataError(
            f"the image {path.name} does not decode",
            why=f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            fix="download this file again; the others need no repeat",
        ) from error
