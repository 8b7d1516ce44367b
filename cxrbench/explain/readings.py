"""What readers looked at while they spoke, cell by cell, and how well predictions fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.data.samples import Sample
from cxrbench.gaze.heatmap import fixation_maps
from cxrbench.gaze.metrics import gaze_scores
from cxrbench.gaze.store import HeatSettings, Recorded, recorded
from cxrbench.image_spec import ImageSpec

Maps = npt.NDArray[np.float64]
Scores = dict[str, npt.NDArray[np.float64]]
"""Metric to R values, NaN where it is undefined."""


@dataclass(frozen=True)
class Rows:
    """Sentences of readings, and whole readings.

    Attributes:
        images: R positions of their images.
        texts: What was said in each.
        whole: R booleans, whether it is a whole reading.
        heat: R×h×w seconds.
        fixations: R×h×w counts.
    """

    images: tuple[int, ...]
    texts: tuple[str, ...]
    whole: npt.NDArray[np.bool_]
    heat: Maps
    fixations: Maps

    def __len__(self) -> int:
        return len(self.images)

    @property
    def warm(self) -> npt.NDArray[np.bool_]:
        """Which rows any fixation belongs to."""
        return np.asarray(self.heat.sum(axis=(1, 2)) > 0)

    def keep(self, kept: npt.NDArray[np.bool_]) -> Rows:
        """The rows marked."""
        chosen = np.flatnonzero(kept).tolist()
        return Rows(
            tuple(self.images[row] for row in chosen),
            tuple(self.texts[row] for row in chosen),
            self.whole[chosen],
            self.heat[chosen],
            self.fixations[chosen],
        )


def was_read(sample: Sample) -> bool:
    """Whether there are fixations on an image, and words spoken meanwhile."""
    return any(len(one.gaze.fixations) and one.texts for one in recorded([sample]))


def spoken(sample: Sample) -> list[str]:
    """The texts of `rows` of one image."""
    return [text for reading in recorded([sample]) for text in reading.texts]


def rows(samples: Sequence[Sample], spec: ImageSpec, grid: tuple[int, int]) -> Rows:
    """All readings of samples, in their order: the sentences of each, then the whole of it."""
    parts = [
        (image, *_reading(reading, spec, grid))
        for image, sample in enumerate(samples)
        for reading in recorded([sample])
    ]
    return Rows(
        tuple(image for image, texts, _, _ in parts for _ in texts),
        tuple(text for _, texts, _, _ in parts for text in texts),
        np.array(
            [n == len(texts) - 1 for _, texts, _, _ in parts for n in range(len(texts))], bool
        ),
        np.concatenate([np.zeros((0, *grid)), *(heat for _, _, heat, _ in parts)]),
        np.concatenate([np.zeros((0, *grid)), *(counts for *_, counts in parts)]),
    )


def _reading(
    reading: Recorded, spec: ImageSpec, grid: tuple[int, int]
) -> tuple[list[str], Maps, Maps]:
    heat = reading.heat(HeatSettings(spec, grid))
    counts = fixation_maps(reading.gaze, reading.shape, spec, grid, text=reading.text)
    stacked = [
        np.array([cells for _, cells in each], np.float64).reshape(-1, *grid)
        for each in (heat, counts)
    ]
    return [text for text, _ in heat], stacked[0], stacked[1]


def join(parts: Sequence[Rows]) -> Rows:
    """Rows of several parts; `images` go on counting as the parts have it."""
    return Rows(
        tuple(image for part in parts for image in part.images),
        tuple(text for part in parts for text in part.texts),
        np.concatenate([part.whole for part in parts]),
        np.concatenate([part.heat for part in parts]),
        np.concatenate([part.fixations for part in parts]),
    )


def scores(predicted: Maps, told: Rows) -> Scores:
    """Every metric of predicted gaze, R×h×w, for each row."""
    flat = (maps.reshape(len(told), -1) for maps in (predicted, told.heat, told.fixations))
    return gaze_scores(*flat)


def mean_heat(train: Rows, told: Rows) -> Maps | None:
    """What the rows would be taken for without looking: the mean heat of training readings.

    Each row counts alike; sentences get the mean of sentences, whole readings that of whole ones.

    Returns:
        R×h×w; None where the training readings lack either.
    """
    guess = np.zeros_like(told.heat)
    for whole in (False, True):
        heat = train.heat[train.warm & (train.whole == whole)]
        if len(heat):
            guess[told.whole == whole] = (heat / heat.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
        elif (told.whole == whole).any():
            return None
    return guess
