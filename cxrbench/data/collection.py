"""What an adapter gets and what it gives: a folder, and all that lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrbench.cards import DatasetCard
from cxrbench.data.samples import Sample


@dataclass(frozen=True)
class Download:
    """A folder that holds a data set as its owners publish it.

    Attributes:
        root: The folder.
        card: The data set.
        needs: The folders of the data sets that the card says are needed, by name.
    """

    root: Path
    card: DatasetCard
    needs: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Collection:
    """All radiographs of a download, before any split is chosen.

    Attributes:
        layout: What was found, in a few words.
        samples: Every image that the download tells of and that is there.
        labels: Names of the columns of `values`.
        values: N×C float32: 1 present, 0 absent, NaN unknown.
        mentions: N×C uint8 for labels read from text, else None: 0 not mentioned, 1 positive,
            2 negative, 3 uncertain.
        lists: Splits that the download itself tells, list name to ids.
        origin: Where `lists` come from, in a few words, such as a file and its column.
        absent: Ids that have a row and no image, and where the image was expected.
        aliases: What published lists call an image where that is not its id, and the ids it may
            mean. A list of ids alone is taken at its word; one that uses any of these names is
            refused where a line has several meanings, be it an id or not.
        lookups: Other ways to look up images that released codes have, by name: what may stand in
            a list, and the id of the image that such a code takes for it.
        form: Which form of the download it is, as the card names it; empty where there is one.
        notes: What a user should know of how this download was read, a line each.
    """

    layout: str
    samples: tuple[Sample, ...]
    labels: tuple[str, ...]
    values: npt.NDArray[np.float32]
    mentions: npt.NDArray[np.uint8] | None = None
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lookups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    form: str = ""
    notes: tuple[str, ...] = ()
