"""Heat maps that come as rendered pictures beside an annotation, as the CoGaze authors give them.

A reading is a folder with `report_heatmap.jpg`, `sentence-heatmap-lookup.json` (key to sentence;
`full_text` is no sentence) and `<key>_heatmap.jpg` for each of its keys. The annotation tells of
an item the folder (`image_dir`) and the whole text (`transcript_full_text`) in
`sentence_gaze_heatmap`, which is null where nobody was recorded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from cxrbench.data.transforms import apply_geometry
from cxrbench.errors import DataError
from cxrbench.gaze.heatmap import Heat
from cxrbench.image_spec import ImageSpec

_LOOKUP, _WHOLE, _NO_SENTENCE = "sentence-heatmap-lookup.json", "report", "full_text"
_LUMA = (0.299, 0.587, 0.114)
_CANDIDATES, _BORDER = 5, 0.1


@dataclass(frozen=True)
class RenderedReading:
    """A reading whose heat was drawn by others.

    Attributes:
        image: Id of the radiograph.
        root: The download.
        place: The folder of the pictures, relative to it.
        text: All that was said.
    """

    image: str
    root: Path
    place: str
    text: str

    @property
    def folder(self) -> Path:
        """Where the pictures lie."""
        return self.root / self.place

    def pictures(self) -> list[tuple[str, Path]]:
        """What was said, and its picture: the sentences in the order of the lookup, the whole.

        Raises:
            DataError: When the lookup cannot be read or a picture is not there.
        """
        path = self.folder / _LOOKUP
        try:
            lookup = {str(k): str(v) for k, v in json.loads(path.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError) as error:
            raise _bad(path, f"{type(error).__name__}: {error}") from error
        named = [(text, key) for key, text in lookup.items() if key != _NO_SENTENCE]
        found = [
            (text, self.folder / f"{key}_heatmap.jpg")
            for text, key in [*named, (self.text, _WHOLE)]
        ]
        for _, picture in found:
            if picture.resolve().parent != self.folder.resolve() or not picture.is_file():
                raise _bad(picture, "there is no such picture in the folder")
        return found


def rendered_readings(annotation: Path, root: Path, folder: str = "") -> list[RenderedReading]:
    """The readings that an annotation tells of, each once, in the order of its items.

    Args:
        annotation: JSON with lists of items.
        root: The download.
        folder: What `image_dir` is relative to, in the root.

    Raises:
        DataError: When the annotation cannot be read, or a folder lies elsewhere.
    """
    try:
        lists = json.loads(annotation.read_text("utf-8"))
        told = [
            (str(item["id"]), str(gaze["image_dir"]), str(gaze["transcript_full_text"]))
            for items in lists.values()
            for item in items
            if (gaze := item.get("sentence_gaze_heatmap"))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(annotation, f"{type(error).__name__}: {error}") from error
    for key, place, _ in told:
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts:
            raise _bad(annotation, f"the heat maps of {key} lie outside the folder: {place}")
    return [
        RenderedReading(key, root, (PurePosixPath(folder) / place).as_posix(), text)
        for key, place, text in dict.fromkeys(told)
    ]


def rendered_heatmaps(reading: RenderedReading, spec: ImageSpec, grid: tuple[int, int]) -> Heat:
    """Heat of every segment of a reading on the patches of an encoder.

    The colours are resized and cropped as the radiograph is, made grey (0 to 255), averaged over
    each patch, and cleared of their background.

    Raises:
        DataError: When a file is missing or does not decode.
    """
    return [(text, read_picture(path, spec, grid)) for text, path in reading.pictures()]


def read_picture(path: Path, spec: ImageSpec, grid: tuple[int, int]) -> npt.NDArray[np.float32]:
    """One picture to P = h·w cells, row by row.

    Raises:
        DataError: When it does not decode.
    """
    try:
        with Image.open(path) as picture:
            colours = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError) as error:
        raise _bad(path, f"{type(error).__name__}: {error}") from error
    grey = np.zeros(spec.size, np.float32)
    for channel, share in enumerate(_LUMA):
        grey += np.float32(share) * apply_geometry(
            np.ascontiguousarray(colours[..., channel]), spec
        )
    pooled = F.adaptive_avg_pool2d(torch.from_numpy(grey)[None], grid)[0].numpy()
    return without_background(pooled).ravel()


def without_background(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A map with its background set to 0.

    Of the five most frequent values, the one found most often in the outer tenth of the map is
    the background; it and everything below become 0. Of values equally frequent, which the
    released code leaves to its sort, the lower counts as the more frequent. What JPEG made a
    little brighter than the background stays; keeping the largest cells only removes it later.

    Args:
        heat: h×w, not negative.

    Returns:
        h×w; what is above the background keeps its value.
    """
    values, counts = np.unique(heat, return_counts=True)
    candidates = values[np.argsort(-counts, kind="stable")[:_CANDIDATES]]
    rows, columns = (max(1, int(side * _BORDER)) for side in heat.shape)
    border = np.ones(heat.shape, bool)
    border[rows:-rows, columns:-columns] = False
    votes = [(heat[border] == value).sum() for value in candidates]
    background = candidates[int(np.argmax(votes))]
    return np.where(heat > background, heat, np.float32(0)).clip(min=0)


def _bad(path: Path, why: str) -> DataError:
    return DataError(
        f"the heat map {path.name} cannot be used",
        why=f"{path}: {(why.splitlines() or [''])[0]}",
        fix="use the pictures as their authors publish them",
    )
