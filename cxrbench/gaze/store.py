"""Heat of all readings, computed once and kept on disk.

Training reads a few rows for each image in every epoch; pictures would be decoded each time. A
row is found by the image, the reading and the place of the segment in it, and is computed again
when what it was made from has changed. A killed process loses the part it was at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cxrbench.data.records import Gaze
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Sample
from cxrbench.errors import DataError
from cxrbench.gaze.authors import RenderedReading, rendered_heatmaps
from cxrbench.gaze.heatmap import DEGREE, LEAD, Heat, heatmaps, segments
from cxrbench.hashing import sha256_text
from cxrbench.image_spec import ImageSpec
from cxrbench.paths import cache_dir

GAZE_VERSION = 1
"""Raised when a change in the code gives other heat."""


@dataclass(frozen=True)
class HeatSettings:
    """What decides the heat besides the reading.

    Attributes:
        spec: The encoder's input.
        grid: Rows and columns of its patches.
        sigma: Standard deviation of a fixation as a share of the image's height.
        lead: How far the eyes are ahead of the voice, in seconds.
    """

    spec: ImageSpec
    grid: tuple[int, int]
    sigma: float = DEGREE
    lead: float = LEAD

    @property
    def name(self) -> str:
        """A short name of them all."""
        grid = f"{self.grid[0]}x{self.grid[1]}"
        return f"{self.spec.geometry}-{grid}-{self.sigma:g}-{self.lead:g}-v{GAZE_VERSION}"


class Reading(Protocol):
    """One reading of one image, from whatever it is told by."""

    @property
    def key(self) -> str:
        """Unique in its data set."""
        ...

    @property
    def image(self) -> str:
        """Id of the image."""
        ...

    @property
    def stamp(self) -> str:
        """Changes when what the heat is made from does, or the time of change of its files."""
        ...

    @property
    def identity(self) -> str:
        """What the heat is made from, the same wherever it lies."""
        ...

    @property
    def texts(self) -> list[str]:
        """What was said in each segment."""
        ...

    def heat(self, settings: HeatSettings) -> Heat:
        """The heat of each segment."""
        ...


@dataclass(frozen=True)
class Recorded:
    """A reading told by fixations; see `recorded`."""

    image: str
    gaze: Gaze
    shape: tuple[int, int]
    text: str

    @property
    def key(self) -> str:
        """Image and recording."""
        return f"{self.image}/{self.gaze.id}"

    @property
    def stamp(self) -> str:
        """Hash of fixations, dictation and size."""
        told = (self.gaze.fixations.tobytes(), self.gaze.utterances, self.shape, self.text)
        return sha256_text(repr(told))[:24]

    @property
    def identity(self) -> str:
        """As `stamp`: no file is involved."""
        return self.stamp

    @property
    def texts(self) -> list[str]:
        """See `cxrbench.gaze.heatmap.segments`."""
        return [segment.text for segment in segments(self.gaze, text=self.text)]

    def heat(self, settings: HeatSettings) -> Heat:
        """See `cxrbench.gaze.heatmap.heatmaps`."""
        return heatmaps(
            self.gaze,
            self.shape,
            settings.spec,
            settings.grid,
            settings.sigma * self.shape[0],
            lead=settings.lead,
            text=self.text,
        )


@dataclass(frozen=True)
class Rendered:
    """A reading told by pictures."""

    source: RenderedReading

    @property
    def image(self) -> str:
        """Id of the image."""
        return self.source.image

    @property
    def key(self) -> str:
        """Image and folder within the download."""
        return f"{self.image}/{sha256_text(self.source.place)[:16]}"

    @property
    def stamp(self) -> str:
        """Texts, and sizes and times of change of the pictures."""
        stats = [(text, path.stat()) for text, path in self.source.pictures()]
        return sha256_text(repr([(text, s.st_size, s.st_mtime_ns) for text, s in stats]))[:24]

    @property
    def identity(self) -> str:
        """Texts, and names and sizes of the pictures."""
        told = [(text, path.name, path.stat().st_size) for text, path in self.source.pictures()]
        return sha256_text(repr(told))[:24]

    @property
    def texts(self) -> list[str]:
        """The sentences, then the whole."""
        return [text for text, _ in self.source.pictures()]

    def heat(self, settings: HeatSettings) -> Heat:
        """See `cxrbench.gaze.authors.rendered_heatmaps`."""
        return rendered_heatmaps(self.source, settings.spec, settings.grid)


def recorded(samples: Iterable[Sample]) -> list[Recorded]:
    """All readings of samples, in their order; where one has no timed text, that of the report.

    Raises:
        DataError: When the size of an image that was read is not known.
    """
    found = []
    for sample in samples:
        if sample.gaze and sample.shape is None:
            raise DataError(
                f"the gaze of {sample.id} cannot be laid on its image",
                why="the data set does not tell the size of the image",
                fix="let its adapter fill in `Sample.shape`",
            )
        text = sample.report.findings if sample.report else ""
        # A report stands in for one dictation, not for each of several.
        text = text if len(sample.gaze) == 1 else ""
        found += [Recorded(sample.id, one, sample.shape or (0, 0), text) for one in sample.gaze]
    return found


class GazeStore:
    """The heat of readings at one setting."""

    def __init__(self, folder: Path, settings: HeatSettings) -> None:
        """Open the store below `folder`, which is made when the first rows are written."""
        self.settings = settings
        self._rows = RowStore(folder / settings.name)
        self._texts: dict[str, list[str]] = {}

    def fill(self, readings: Sequence[Reading], *, title: str | None = "laying out gaze") -> int:
        """Compute and keep what is missing; returns the number of rows computed.

        Args:
            readings: What the store is to hold.
            title: Shown beside the progress bar; None for none.

        Raises:
            DataError: When a picture is missing or does not decode.
        """
        ids, stamps, owners = [], [], []
        for reading in readings:
            stamp = reading.stamp
            self._texts[reading.key] = reading.texts
            for number in range(len(self._texts[reading.key])):
                ids.append(f"{reading.key}/{number}")
                stamps.append(stamp)
                owners.append((reading, number))

        def compute(positions: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            known: dict[str, Heat] = {}
            for reading in (owners[position][0] for position in positions):
                if reading.key not in known:
                    known[reading.key] = reading.heat(self.settings)
            chosen = (owners[position] for position in positions)
            return np.stack([known[reading.key][number][1] for reading, number in chosen])

        row_bytes = 4 * self.settings.grid[0] * self.settings.grid[1]
        return self._rows.fill(ids, stamps, compute, row_bytes=row_bytes, title=title)

    def __getitem__(self, reading: Reading) -> Heat:
        """What was said and its heat, P float32, for every segment of a reading filled in."""
        key = reading.key
        if key not in self._texts:
            self._texts[key] = reading.texts  # kept: those of pictures are read from their folder
        return [
            (text, self._rows[f"{key}/{number}"]) for number, text in enumerate(self._texts[key])
        ]


def gaze_store(name: str, root: Path, settings: HeatSettings) -> GazeStore:
    """The store of a download in the cache.

    Args:
        name: Of the data set.
        root: Its folder.
        settings: See `HeatSettings`.
    """
    place = sha256_text(str(root.resolve()))[:12]
    return GazeStore(cache_dir() / "gaze" / f"{name}-{place}", settings)
