"""NIH ChestX-ray14: the original download, read as it is.

Layout: `Data_Entry_2017_v2020.csv` (or `Data_Entry_2017.csv`, whose ages read `058Y`), and the
PNG files in `images/` or still spread over `images_001/images` to `images_012/images`.
Source: Wang et al., "ChestX-ray8", CVPR 2017.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxrbench.cards import TaskCard
from cxrbench.data.samples import SPLITS, LabelledImages, Sample, Split, SplitName
from cxrbench.data.splits import SplitList, check_disjoint, is_official, read_split
from cxrbench.errors import DataError

CSV_NAMES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
NO_FINDING = "No Finding"
OLDEST = 120  # a few ages of the first release are impossible (up to 414)

_COLUMNS = {
    "image": ("Image Index",),
    "findings": ("Finding Labels",),
    "follow_up": ("Follow-up #",),
    "patient": ("Patient ID",),
    "age": ("Patient Age",),
    "sex": ("Patient Gender", "Patient Sex"),
    "view": ("View Position",),
}


def open_nih(root: Path, card: TaskCard) -> LabelledImages:
    """Open a download for one task.

    Args:
        root: The folder of the download.
        card: The task, whose labels and split lists are used.

    Returns:
        The data with all splits verified: every id has a row and an image, every label is known,
        and no patient is in two splits.

    Raises:
        DataError: When anything of that does not hold; names the file and the row.
    """
    csv_path = _find_csv(root)
    table = _read_table(csv_path)
    images = _index_images(root)
    lists = {name: read_split(root, card, name) for name in SPLITS}
    rows = {name: _rows_of(name, found, table, csv_path) for name, found in lists.items()}
    check_disjoint(
        card, {name: dict(zip(r.index, r["patient"], strict=True)) for name, r in rows.items()}
    )
    splits: dict[SplitName, Split] = {}
    for name in SPLITS:
        chosen = rows[name]
        splits[name] = Split(
            samples=_samples(chosen, images, card, lists[name]),
            labels=_multi_hot(chosen["findings"], card.labels, csv_path),
            official=is_official(card, name, lists[name].ids, int(chosen["patient"].nunique())),
        )
    layout = "images" if (root / "images").is_dir() else "images_001..012"
    return LabelledImages(root, f"{csv_path.name}, {layout}", tuple(card.labels), splits)


def _find_csv(root: Path) -> Path:
    for name in CSV_NAMES:
        if (root / name).is_file():
            return root / name
    raise DataError(
        "the label table of NIH ChestX-ray14 is missing",
        why=f"neither {' nor '.join(CSV_NAMES)} is in {root}",
        fix="place the CSV of the original download there",
    )


def _read_table(path: Path) -> pd.DataFrame:
    """The label table by image name, with columns named as in `_COLUMNS`."""
    try:
        # The header has fewer fields than the rows (two names hold a comma), so the columns are
        # taken by position; `index_col=False` keeps pandas from making the first one an index.
        raw = pd.read_csv(path, dtype=str, index_col=False, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(
            "the label table of NIH ChestX-ray14 cannot be read",
            why=f"{path}: {str(error).splitlines()[0]}",
            fix="download the CSV again",
        ) from error
    found = {}
    for name, spellings in _COLUMNS.items():
        column = next((spelling for spelling in spellings if spelling in raw.columns), None)
        if column is None:
            raise DataError(
                "the label table of NIH ChestX-ray14 lacks a column",
                why=f"{path}: no column {' or '.join(spellings)}",
                fix="use the CSV of the original download, unchanged",
            )
        found[name] = raw[column]
    table = pd.DataFrame(found)
    repeated = table["image"].duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise DataError(
            "the label table of NIH ChestX-ray14 names an image twice",
            why=f"{path}, row {row + 2}: {table['image'].iloc[row]}",
            fix="use the CSV of the original download, unchanged",
        )
    return table.set_index("image", drop=False)


def _index_images(root: Path) -> dict[str, Path]:
    """Image name to file, over `images/` and the twelve folders of the original archives."""
    folders = [
        root / "images",
        *sorted(root.glob("images_*/images")),
        *sorted(root.glob("images_*")),
    ]
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            with os.scandir(folder) as entries:
                found.update({e.name: folder / e.name for e in entries if e.name.endswith(".png")})
    if not found:
        raise DataError(
            "the images of NIH ChestX-ray14 are missing",
            why=f"no PNG file in {root}/images or {root}/images_001/images",
            fix="unpack the twelve image archives of the original download there",
        )
    return found


def _rows_of(name: SplitName, found: SplitList, table: pd.DataFrame, csv: Path) -> pd.DataFrame:
    absent = [key for key in found.ids if key not in table.index]
    if absent:
        raise DataError(
            f"the {name} split names an image without labels",
            why=f"{found.source}: {absent[0]} is not in {csv.name} ({len(absent)} such ids)",
            fix="use a list made for this release, with the .png ending",
        )
    return table.loc[list(found.ids)]


def _samples(
    rows: pd.DataFrame, images: dict[str, Path], card: TaskCard, found: SplitList
) -> tuple[Sample, ...]:
    absent = [key for key in rows["image"] if key not in images]
    if absent:
        raise DataError(
            f"{len(absent)} image(s) of the split {found.source.stem} are missing",
            why=f"{absent[0]} is in {found.source.name} but in no image folder",
            fix="complete the download; `cxrbench data verify` lists what is missing",
        )
    samples = []
    for row in rows.itertuples(index=False):
        sex = {"M": "M", "F": "F"}.get(str(row.sex).strip().upper()[:1])
        age = _age(str(row.age))
        samples.append(
            Sample(
                id=str(row.image),
                patient=str(row.patient),
                image=images[str(row.image)],
                view=str(row.view).strip() or None,
                sex=sex,
                age=age,
                context=_context(card.context_template, str(row.follow_up), age, sex),
            )
        )
    return tuple(samples)


def _age(text: str) -> float | None:
    """Years from `58` or `058Y`; None where unknown or impossible."""
    digits = text.strip().upper().removesuffix("Y")
    if not digits.isdigit() or int(digits) > OLDEST:
        return None
    return float(digits)


def _context(template: str, follow_up: str, age: float | None, sex: str | None) -> str | None:
    """The template filled in, or None when a value it needs is unknown."""
    noun = {"M": "man", "F": "woman"}.get(sex or "")
    if not template or age is None or noun is None or not follow_up.strip():
        return None
    return template.format(follow_up=follow_up.strip(), age=int(age), sex_noun=noun)


def _multi_hot(findings: pd.Series[str], labels: list[str], csv: Path) -> npt.NDArray[np.float32]:
    """N×C labels from the pipe-separated findings."""
    columns = {name: position for position, name in enumerate(labels)}
    hot = np.zeros((len(findings), len(labels)), np.float32)
    for row, (image, text) in enumerate(findings.items()):
        for name in str(text).split("|"):
            if name in columns:
                hot[row, columns[name]] = 1
            elif name != NO_FINDING:
                raise DataError(
                    "the label table of NIH ChestX-ray14 holds an unknown label",
                    why=f"{csv}: {image} has '{name}', which is none of the {len(labels)} labels",
                    fix="use the CSV of the original download, unchanged",
                )
    return hot
