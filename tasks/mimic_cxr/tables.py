"""The tables of MIMIC-CXR-JPG: which images there are, in which split, with which labels.

`mimic-cxr-2.*-metadata.csv` and `-split.csv` have a row an image, `-chexpert.csv` and
`-negbio.csv` a row a study: 1.0 positive, 0.0 negative, -1.0 uncertain, blank not mentioned. So has
`-chexbert.csv`, which is no part of the download: others make it with CheXbert. All may be gzipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxrbench.data.tables import read_table, row_error, unique

from .metadata import find_part, read_metadata

SPLITS = {"train": "train", "validate": "val", "test": "test"}
"""The split column to our names."""
STATES = {"": 0, "1.0": 1, "0.0": 2, "-1.0": 3, "1": 1, "0": 2, "-1": 3}
"""A cell of the label tables to the code of a mention."""

DOWNLOADED = ("chexpert", "negbio")
"""Tables of labels that are a part of the download."""
LABELLERS = ("chexbert", *DOWNLOADED)
"""All that are read: one that somebody placed there before those of the download."""

_SPLIT = {"image": ("dicom_id",), "subject": ("subject_id",), "study": ("study_id",),
          "split": ("split",)}  # fmt: skip


@dataclass(frozen=True)
class Images:
    """All images of a download, or some of them.

    Attributes:
        root: The download.
        table: A row an image: `image`, `subject`, `study`, `view`, `height`, `width`, `split`
            (train, val or test). The index is the line in the metadata file.
        metadata: That file.
        splits: The file that tells the split.
    """

    root: Path
    table: pd.DataFrame
    metadata: Path
    splits: Path


@dataclass(frozen=True)
class Mentions:
    """The labels of some images.

    Attributes:
        codes: N×C uint8: 0 not mentioned, 1 positive, 2 negative, 3 uncertain.
        known: Bool N: whether the study of the image has a row of labels.
        path: The file they come from.
    """

    codes: npt.NDArray[np.uint8]
    known: npt.NDArray[np.bool_]
    path: Path


def read_images(root: Path) -> Images:
    """Metadata and splits together.

    Raises:
        DataError: When a table is missing or damaged, names an image twice, or the two do not
            tell of the same images, or tell different things of one; names the file and the row.
    """
    table, metadata = read_metadata(root)
    splits = find_part(root, "split")
    told = unique(read_table(splits, _SPLIT), "image", splits)
    told["part"] = told["split"].map(SPLITS)
    if bad := _first(told["part"].isna()):
        row = told.iloc[bad - 1]
        raise row_error(splits, row.name, f"'{row['split']}' is none of {', '.join(SPLITS)}")
    rows = pd.Index(told["image"]).get_indexer(pd.Index(table["image"]))
    if bad := _first(rows < 0):
        row = table.iloc[bad - 1]
        raise row_error(metadata, row.name, f"{row['image']} is not in {splits.name}")
    if len(told) > len(table):
        row = told.iloc[np.setdiff1d(np.arange(len(told)), rows)[0]]
        raise row_error(splits, row.name, f"{row['image']} is not in {metadata.name}")
    for column in ("subject", "study"):
        own = table[column].to_numpy()
        if bad := _first(told[column].to_numpy()[rows] != own):
            row = table.iloc[bad - 1]
            why = f"{row['image']} has another {column}_id than in {splits.name}"
            raise row_error(metadata, row.name, why)
    return Images(root, table.assign(split=told["part"].to_numpy()[rows]), metadata, splits)


def split_lists(images: Images) -> dict[str, tuple[str, ...]]:
    """The ids of train, val and test, in the order of the metadata."""
    table = images.table
    return {name: tuple(table["image"][table["split"] == name]) for name in SPLITS.values()}


def read_mentions(
    images: Images, labels: Sequence[str], labellers: Sequence[str] = LABELLERS
) -> Mentions:
    """What the report of each image's study says of each label.

    Args:
        images: Which.
        labels: Names of the columns.
        labellers: Whose table is read, the first that is there.

    Raises:
        DataError: When the table is missing or damaged, names a study twice, lacks a label or
            holds another value; names the file and the row.
    """
    there = [one for one in labellers if any(images.root.glob(f"mimic-cxr-2.*-{one}.csv*"))]
    path = find_part(images.root, *(there or DOWNLOADED))
    columns = {"study": ("study_id",), **{label: (label,) for label in labels}}
    table = unique(read_table(path, columns), "study", path)
    codes = np.zeros((len(table) + 1, len(labels)), np.uint8)  # the last row is nobody's
    for position, label in enumerate(labels):
        found = table[label].map(STATES)
        if bad := _first(found.isna()):
            row = table.iloc[bad - 1]
            raise row_error(
                path, row.name, f"{label} is '{row[label]}', not 1.0, 0.0, -1.0 or blank"
            )
        codes[:-1, position] = found.to_numpy()
    rows = pd.Index(table["study"]).get_indexer(pd.Index(images.table["study"]))
    return Mentions(codes[rows], rows >= 0, path)


def _first(bad: npt.ArrayLike) -> int:
    """The position of the first true value, counted from 1; 0 where there is none."""
    places = np.flatnonzero(np.asarray(bad))
    return int(places[0]) + 1 if places.size else 0
