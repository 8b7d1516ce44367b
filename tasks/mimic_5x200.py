"""MIMIC-5x200: up to 200 images of MIMIC-CXR's test split for each of five findings.

Made after CheXpert-5x200 (Huang et al., GLoRIA, ICCV 2021): of the five findings an image has
exactly one. Either `mimic_5x200_ids.csv` in the root names the images (columns Path, dicom_id,
subject_id, study_id, Report, of which the first and the last are placeholders), or they are drawn
by the rule of `draw`. The two are different images: the first make the list `listed`, the others
the list `test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrbench.data.collection import Collection, Download
from cxrbench.data.records import Report
from cxrbench.data.samples import Sample
from cxrbench.data.tables import read_table, row_error, unique
from cxrbench.errors import DataError

from .mimic_cxr import collect, read_images
from .mimic_cxr.reports import read_reports
from .mimic_cxr.tables import DOWNLOADED, Images, read_mentions

IDS = "mimic_5x200_ids.csv"
PER_CLASS = 200
_POSITIVE, _UNCERTAIN = 1, 3
_COLUMNS = {"image": ("dicom_id",), "subject": ("subject_id",), "study": ("study_id",)}


def read_mimic_5x200(download: Download) -> Collection:
    """Read the images from a download of MIMIC-CXR.

    A label is 1 where the CheXpert (else NegBio) table says positive and 0 elsewhere, so that two
    images have the same labels exactly when they belong to the same class. A CheXbert table that
    somebody placed there is not read: the rule has to draw the same images everywhere. The findings
    of a report are its impression where it has no findings, so that each image has a text.

    Raises:
        DataError: When a table or the reports are missing or damaged, a class has no image, or
            the id file names an image of another split (a leak) or of no split; names the row.
    """
    root, labels = download.root, download.card.labels
    images = read_images(root)
    path = root / IDS
    listed = path.is_file()
    chosen = _listed(images, path, labels) if listed else draw(images, labels)
    name = "listed" if listed else "test"
    ids = {name: tuple(chosen.table["image"])}
    template = download.card.context_template
    found = collect(chosen, labels, template, lists=ids, labellers=DOWNLOADED)
    values = (np.asarray(found.mentions) == _POSITIVE).astype(np.float32)
    unlike = int((values.sum(axis=1) != 1).sum())
    notes = (f"{unlike:,} images do not have exactly one of the findings",) if unlike else ()
    return replace(
        found,
        samples=tuple(map(_with_text, found.samples)),
        values=values,
        origin=IDS if listed else f"{found.origin}, drawn with seed 0",
        form="ids" if listed else "drawn",
        notes=found.notes + notes,
    )


def draw(images: Images, labels: Sequence[str]) -> Images:
    """Draw the images of all classes.

    A candidate of a class is a study of the test split that is positive for the finding, neither
    positive nor uncertain for the other four, has findings or an impression, and a frontal image
    (view AP or PA; of several the one with the smallest id). The candidates' image ids, sorted,
    are permuted by NumPy's `default_rng(0)`, anew for each class, and the first 200 are taken, or
    of every class as many as the rarest one has.

    Raises:
        DataError: When a class has no candidate.
    """
    table = images.table
    frontal = (table["split"] == "test") & table["view"].isin(["AP", "PA"])
    table = table[frontal].sort_values("image").drop_duplicates("study")
    codes = read_mentions(replace(images, table=table), labels, DOWNLOADED).codes
    alone = _alone(codes)
    table, codes = table[alone], codes[alone]
    studies = dict(zip(table["study"], table["subject"], strict=True))
    reports, _ = read_reports(images.root, studies)
    told = table["study"].map(lambda key: key in reports and bool(_text(reports[key])))
    table, codes = table[told.astype(bool)], codes[told.to_numpy(bool)]
    rows = [np.flatnonzero(column) for column in (codes == _POSITIVE).T]
    count = min(PER_CLASS, *map(len, rows))
    if not count:
        rare = [label for label, own in zip(labels, rows, strict=True) if not len(own)]
        raise DataError(
            f"MIMIC-5x200 cannot be drawn: no image has {rare[0]} alone",
            why=f"{len(table):,} studies of the test split in {images.splits.name} have one of "
            "the five findings and a report",
            fix="complete the tables and reports of MIMIC-CXR; `cxrbench data where` lists them",
        )
    taken = [own[np.random.default_rng(0).permutation(len(own))[:count]] for own in rows]
    return replace(images, table=table.iloc[np.sort(np.concatenate(taken))])


def _alone(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Rows with one positive and nothing uncertain."""
    alone: npt.NDArray[np.bool_] = ((codes == _POSITIVE).sum(axis=1) == 1) & ~(
        codes == _UNCERTAIN
    ).any(axis=1)
    return alone


def _listed(images: Images, path: Path, labels: Sequence[str]) -> Images:
    """The images of the id file, in its order."""
    ids = unique(read_table(path, _COLUMNS), "image", path)
    table = images.table.assign(line=images.table.index).set_index("image", drop=False)
    for line, image, subject, study in ids.itertuples():
        if image not in table.index:
            raise row_error(path, line, f"{image} is not in {images.metadata.name}")
        own = table.loc[image]
        if (own["subject"], own["study"]) != (subject, study):
            raise row_error(path, line, f"{image} has another subject or study than in "
                            f"{images.metadata.name}")  # fmt: skip
        if own["split"] != "test":
            raise row_error(
                path, line, f"{image} is in the split {own['split']} of MIMIC-CXR, not in test",
                fix="use a list of test images: models are trained on the others",
            )  # fmt: skip
    chosen = replace(images, table=table.loc[ids["image"]].set_index("line"))
    known = read_mentions(chosen, labels, DOWNLOADED)
    if not known.known.all():
        row = int(np.flatnonzero(~known.known)[0])
        raise row_error(
            path, ids.index[row], f"the study {ids['study'].iloc[row]} is not in {known.path.name}"
        )
    return chosen


def _text(report: Report) -> str:
    return report.findings or report.impression


def _with_text(sample: Sample) -> Sample:
    if sample.report is None:
        return sample
    return replace(sample, report=replace(sample.report, findings=_text(sample.report)))
