"""The PNG copy of SIIM-ACR stage 1.

Layout: `png_images/*.png`, masks of the same names in `png_masks/` (white is pneumothorax), and
the two tables of `siim_names`. Ids are the names without `.png`, as in the public lists.
Source: Kaggle, vbookshelf/pneumothorax-chest-xray-images-and-masks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cxrbench.data.collection import Collection, Download
from cxrbench.data.files import index_images
from cxrbench.data.headers import read_sizes
from cxrbench.data.regions import MaskFile
from cxrbench.data.samples import Sample
from cxrbench.data.tables import row_error

from .siim_names import TABLES, by_index, official_test, read_names, same_index


def read_png(download: Download, label: str) -> Collection:
    """Read a download of this form.

    Raises:
        DataError: When a table, all images or the mask of a positive image is missing, or a row
            cannot be used; names the file and the row.
    """
    root = download.root
    names = read_names(root)
    table = pd.concat(names.values(), ignore_index=True)
    images = index_images([root / "png_images"], (".png",))
    masks = index_images([root / "png_masks"], (".png",))
    for file, part in names.items():
        _require_masks(part, set(images), set(masks), root / file)
    table["there"] = (table["name"] + ".png").isin(images.keys())
    here = table[table["there"]]
    shapes = read_sizes(download.card.name, root, [images[f"{name}.png"] for name in here["name"]])
    return Collection(
        layout="PNG images and masks",
        samples=tuple(
            Sample(
                id=name,
                patient=name,
                image=images[f"{name}.png"],
                regions=(MaskFile(masks[f"{name}.png"], label),) if target == "1" else (),
                shape=shape,
            )
            for name, target, shape in zip(here["name"], here["target"], shapes, strict=True)
        ),
        labels=(label,),
        values=(here["target"] == "1").to_numpy().astype(np.float32)[:, None],
        lists=official_test(names),
        origin=TABLES[1],
        absent={
            name: str(root / "png_images" / f"{name}.png")
            for name in table["name"][~table["there"]]
        },
        aliases=same_index(names),
        lookups={"index": by_index(names)},
    )


def _require_masks(table: pd.DataFrame, images: set[str], masks: set[str], path: Path) -> None:
    files = table["name"] + ".png"
    bare = (table["target"] == "1") & files.isin(images) & ~files.isin(masks)
    if bare.any():
        line = table.index[int(np.flatnonzero(bare)[0])]
        raise row_error(
            path,
            line,
            f"{files[line]} has a pneumothorax and no mask in {path.parent / 'png_masks'}",
            fix="complete the download: png_masks holds a file for every image",
        )
