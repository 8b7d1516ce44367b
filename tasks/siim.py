"""SIIM-ACR Pneumothorax Segmentation, stage 1: the DICOM files of Kaggle, or their PNG copy.

DICOM: `dicom-images-train/<study>/<series>/<SOP instance UID>.dcm`, `dicom-images-test` alike, and
`stage_2_train.csv`, which labels both, or `train-rle.csv`, which labels the first alone. Either
holds `ImageId` (the UID) and `EncodedPixels`, before whose name the real header has a blank: the
run lengths of one mask (`cxrbench.data.runs`) on the grid of the image (1024×1024), or -1. An
image with several masks has several rows, and a few rows stand there twice. Images without a row
have no label and are left out.

PNG: see `siim_png`. Its tables name each image; where they lie beside the DICOM files too, ids are
these names, so that the public lists fit (and lists of UIDs too). Else ids are UIDs.

Either may lie in the folder that unpacking makes, `siim-acr-pneumothorax` or `pneumothorax`.
Source: Kaggle, SIIM-ACR Pneumothorax Segmentation (2019), whose images are of NIH ChestX-ray14.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cxrbench.data.collection import Collection, Download
from cxrbench.data.dicom import DicomHeader
from cxrbench.data.files import index_images, unpacked
from cxrbench.data.headers import read_headers
from cxrbench.data.regions import Runs
from cxrbench.data.runs import EMPTY, check_runs
from cxrbench.data.samples import Sample
from cxrbench.data.tables import find_table, read_table, row_error
from cxrbench.errors import DataError

from .siim_names import TABLES, by_index, official_test, read_names, same_index
from .siim_png import read_png

LABEL = "Pneumothorax"
TABLE = "stage_2_train.csv"
FOLDERS = ("dicom-images-train", "dicom-images-test")
INNER = ("siim-acr-pneumothorax", "pneumothorax")
"""The folder that archives of Kaggle hold everything in: of the PNG copy, of the DICOM files."""

_COLUMNS = {"uid": ("ImageId",), "runs": ("EncodedPixels",)}


def read_siim(download: Download) -> Collection:
    """Read a download of either form; the DICOM files count where both are there.

    Raises:
        DataError: When a table or all images are missing, or a row cannot be used; names the file
            and the row.
    """
    root = unpacked(download.root, INNER, (FOLDERS[0], "png_images"))
    download = replace(download, root=root)
    if (root / FOLDERS[0]).is_dir():
        return _read_dicom(download)
    if (root / "png_images").is_dir():
        return read_png(download, LABEL)
    raise DataError(
        "the images of SIIM-ACR are missing",
        why=f"neither {FOLDERS[0]} nor png_images is in {root}",
        fix="give the folder that holds one of them; `cxrbench data where` says more",
    )


def _read_dicom(download: Download) -> Collection:
    root, name = download.root, download.card.name
    path = find_table(root, TABLE, "train-rle.csv")
    rows = _checked(read_table(path, _COLUMNS), path)
    names = read_names(root) if (root / TABLES[0]).is_file() else {}
    ids = {uid: key for table in names.values() for uid, key in table[["uid", "name"]].to_numpy()}
    files = index_images([root / folder for folder in FOLDERS], (".dcm",), recursive=True)
    told = list(dict.fromkeys(rows["uid"]))
    here = [uid for uid in told if f"{uid}.dcm" in files]
    read = read_headers(name, root, [files[f"{uid}.dcm"] for uid in here])
    headers = dict(zip(here, read, strict=True))
    masks = _masks(rows, headers, path)
    return Collection(
        layout=_layout(path, named=bool(ids)),
        samples=tuple(
            _sample(ids.get(uid, uid), files[f"{uid}.dcm"], headers[uid], masks[uid])
            for uid in here
        ),
        labels=(LABEL,),
        values=np.array([[bool(masks[uid])] for uid in here], dtype=np.float32),
        lists=official_test(names) if names else {},
        origin=TABLES[1],
        absent={
            ids.get(uid, uid): f"{root / FOLDERS[0]}/*/*/{uid}.dcm"
            for uid in told
            if uid not in headers
        },
        aliases={uid: (key,) for uid, key in ids.items()} | (same_index(names) if names else {}),
        lookups={"index": by_index(names)} if names else {},
        notes=_notes(path, unlabelled=len(files) - len(here)),
    )


def _layout(path: Path, *, named: bool) -> str:
    part = "" if path.name == TABLE else f" (labels {FOLDERS[0]} alone)"
    ids = "names" if named else f"SOP instance UIDs, names with {TABLES[0]}"
    return f"{path.name}{part}, DICOM, ids are {ids}"


def _notes(path: Path, unlabelled: int) -> tuple[str, ...]:
    if not unlabelled:
        return ()
    return (f"{unlabelled} DICOM file(s) without a row in {path.name} are left out",)


def _sample(key: str, image: Path, header: DicomHeader, masks: tuple[Runs, ...]) -> Sample:
    return Sample(
        id=key,
        patient=key,
        image=image,
        view=header.view,
        sex=header.sex,
        age=header.age,
        regions=masks,
        shape=(header.rows, header.columns),
    )


def _masks(
    rows: pd.DataFrame, headers: dict[str, DicomHeader], path: Path
) -> dict[str, tuple[Runs, ...]]:
    """The masks of every image that is there; none where there is no pneumothorax."""
    found: dict[str, list[Runs]] = {uid: [] for uid in headers}
    for line, uid, text in zip(rows.index, rows["uid"], rows["runs"], strict=True):
        if text == EMPTY or uid not in headers:
            continue
        height, width = headers[uid].rows, headers[uid].columns
        try:
            check_runs(text, height, width)
        except DataError as error:
            raise row_error(path, line, f"{uid}: {error.why}") from error
        found[uid].append(Runs(text, height, width, LABEL))
    return {uid: tuple(runs) for uid, runs in found.items()}


def _checked(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows, each once, as soon as it is sure that no image has a mask and none."""
    empty = rows["runs"] == EMPTY
    mixed = empty.groupby(rows["uid"]).transform("nunique") > 1
    if mixed.any():
        line = rows.index[int(np.flatnonzero(mixed & empty)[0])]
        raise row_error(path, line, f"{rows['uid'][line]} has {EMPTY} here and a mask elsewhere")
    return rows.drop_duplicates()
