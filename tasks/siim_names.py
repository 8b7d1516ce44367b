"""The tables of the PNG copy of SIIM-ACR, which give every image a name with its label.

`stage_1_train_images.csv` and `stage_1_test_images.csv` hold `new_filename,ImageId,has_pneumo`.
A name such as `424_train_1_.png` says index, official split and label. Indices start at 0 in both
splits: `12_train_0_` and `12_test_1_` are two images, so a number alone names neither.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from cxrbench.data.tables import read_table, row_error, unique

TABLES = ("stage_1_train_images.csv", "stage_1_test_images.csv")

_COLUMNS = {"name": ("new_filename",), "uid": ("ImageId",), "target": ("has_pneumo",)}
_NAME = re.compile(r"\d+_(?:train|test)_[01]_")


def read_names(root: Path) -> dict[str, pd.DataFrame]:
    """Both tables by file name, with `name` (no `.png`), `uid` (no `.dcm`) and `target` (0, 1).

    Raises:
        DataError: When a table is missing, or a row has another form, repeats a name or a UID, or
            says another label than its name.
    """
    tables = {}
    for file in TABLES:
        path = root / file
        table = read_table(path, _COLUMNS)
        table["name"] = table["name"].str.removesuffix(".png")
        table["uid"] = table["uid"].str.removesuffix(".dcm")
        for line, name, target in zip(table.index, table["name"], table["target"], strict=True):
            if not _NAME.fullmatch(name):
                raise row_error(path, line, f"'{name}' is no name such as 424_train_1_.png")
            if target not in ("0", "1"):
                raise row_error(path, line, f"{name}: has_pneumo is '{target}', not 0 or 1")
            if name[-2] != target:
                raise row_error(path, line, f"{name} says {name[-2]}, has_pneumo says {target}")
        tables[file] = unique(unique(table, "name", path), "uid", path)
    return tables


def same_index(tables: dict[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Every index that stands in both parts, and the two names that it may mean.

    An index that stands in one part alone is no name either: nobody says which tables it counts.
    """
    train, test = ({index_of(name): name for name in tables[file]["name"]} for file in TABLES)
    return {index: (name, test[index]) for index, name in train.items() if index in test}


def by_index(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    """What the released loader of CoGaze takes for every name, and for an index alone.

    It keeps the index of a line and looks that up among the official train images, so that a line
    of the test part finds a train image too.
    """
    train = {index_of(name): name for name in tables[TABLES[0]]["name"]}
    names = [name for table in tables.values() for name in table["name"]]
    found = {name: train[index_of(name)] for name in names if index_of(name) in train}
    return {**found, **train}


def index_of(name: str) -> str:
    """The index in a name: `424` of `424_train_1_`."""
    return name.partition("_")[0]


def official_test(tables: dict[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """The test list that the tables tell: the images of the second one."""
    return {"test": tuple(tables[TABLES[1]]["name"])}
