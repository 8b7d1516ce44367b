"""Recordings of gaze for the images of a pretraining run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from cxrbench.data.collection import Collection, Download
from cxrbench.data.open import find_download, read
from cxrbench.data.samples import LabelledImages
from cxrbench.errors import DataError
from cxrbench.gaze.authors import rendered_readings
from cxrbench.gaze.store import HeatSettings, Reading, Rendered, gaze_store, recorded
from cxrbench.pretraining.items import StoredHeat
from cxrbench.pretraining.objective import Pretrainer
from cxrbench.pretraining.recipe import GazeSource, HeatSection
from cxrbench.registry import Registry
from cxrbench.training.seeds import derive


@dataclass(frozen=True)
class GazePart:
    """The recordings of one source.

    Attributes:
        name: Of the data set, for the store.
        root: Its folder.
        readings: In a fixed order.
    """

    name: str
    root: Path
    readings: tuple[Reading, ...]

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.name}: {len(self.readings):,} recordings"


def find_gaze(
    sources: Sequence[GazeSource],
    download: Download,
    found: Collection,
    registry: Registry,
    roots: Mapping[str, Path],
    *,
    demo: bool,
) -> tuple[GazePart, ...]:
    """All recordings there are: those of the images themselves first, then source by source.

    Args:
        sources: As the recipe names them.
        download: The recipe's data set.
        found: Its images.
        registry: Knows the data sets.
        roots: Data set name to folder.
        demo: Use phantoms.

    Raises:
        DataError: When a source is missing or damaged.
    """
    parts = []
    if own := recorded(found.samples):
        parts.append(GazePart(download.card.name, download.root, tuple(own)))
    for source in sources:
        if source.annotation:
            parts.append(_rendered(source, download))
            continue
        card = registry.datasets.get(source.dataset).card
        other = find_download(card, roots, demo=demo)
        parts.append(GazePart(card.name, other.root, tuple(recorded(read(other).samples))))
    return tuple(parts)


def _rendered(source: GazeSource, download: Download) -> GazePart:
    root = download.root
    annotations = sorted(root.glob(source.annotation))
    if len(annotations) != 1:
        raise DataError(
            "the annotation of the gaze pictures is not there",
            why=f"{root} holds {len(annotations)} files {source.annotation}",
            fix="place it there, or name data sets with recordings in data.gaze",
        )
    readings = rendered_readings(annotations[0], root, source.folder)
    return GazePart(f"{download.card.name}-rendered", root, tuple(map(Rendered, readings)))


def draw_share(
    parts: Sequence[GazePart], images: LabelledImages, share: float, seed: int
) -> tuple[GazePart, ...]:
    """The recordings of images that are used, of the training split a share.

    Of one seed, a smaller share is a part of a larger one. The number is rounded up.
    """
    train, val = (set(images.splits[name].ids) for name in ("train", "val"))
    of_train = [
        (number, reading.key)
        for number, part in enumerate(parts)
        for reading in part.readings
        if reading.image in train
    ]
    order = np.random.default_rng(derive("gaze share", seed)).permutation(len(of_train))
    drawn = {of_train[row] for row in order[: ceil(len(of_train) * share)]}
    return tuple(
        GazePart(
            part.name,
            part.root,
            tuple(
                reading
                for reading in part.readings
                if reading.image in val or (number, reading.key) in drawn
            ),
        )
        for number, part in enumerate(parts)
    )


def heat_settings(section: HeatSection, made: Pretrainer) -> HeatSettings | None:
    """How recordings are laid on the patches of a network; None for one that has none."""
    if made.grid is None:
        return None
    return HeatSettings(made.image_spec, made.grid, section.sigma, section.lead)


def stored_heat(parts: Sequence[GazePart], settings: HeatSettings) -> StoredHeat:
    """The heat of all recordings, computed where it is not kept yet.

    Raises:
        DataError: When a picture does not decode.
    """
    by_image: dict[str, list[tuple[object, object]]] = {}
    for part in parts:
        store = gaze_store(part.name, part.root, settings)
        store.fill(part.readings)
        for reading in part.readings:
            by_image.setdefault(reading.image, []).append((store, reading))
    return StoredHeat(by_image)
