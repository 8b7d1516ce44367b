"""Images, labels and reports of MIMIC-CXR brought together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrbench.data.collection import Collection
from cxrbench.data.context import fill_context, join_context
from cxrbench.data.records import Report
from cxrbench.data.samples import Sample
from cxrbench.errors import DataError

from .metadata import image_path, shape_of, view_of
from .reports import ARCHIVE, read_reports
from .tables import LABELLERS, Images, read_mentions

_VALUES = np.array([np.nan, 1, 0, np.nan], np.float32)
"""Code of a mention (not mentioned, positive, negative, uncertain) to a label."""


def collect(
    images: Images,
    labels: Sequence[str],
    template: str,
    *,
    lists: Mapping[str, tuple[str, ...]],
    labellers: Sequence[str] = LABELLERS,
) -> Collection:
    """All that is known of some images.

    Images of studies without a report or without a row of labels are kept: the report is None
    then, the labels are NaN.

    Args:
        images: Which.
        labels: Names of the columns wanted.
        template: How the context is phrased (see `context_of`).
        lists: The splits told.
        labellers: See `read_mentions`.

    Raises:
        DataError: When no image is there, or the labels or reports are missing or damaged.
    """
    root, table = images.root, images.table
    mentions = read_mentions(images, labels, labellers)
    files = images_of(images)
    there = present(root, files)
    kept = table[there].astype(object)  # Python's own strings are much quicker row by row
    studies = dict(zip(kept["study"], kept["subject"], strict=True))
    reports, source = read_reports(root, studies)
    contexts = {key: context_of(template, report) for key, report in reports.items()}
    rows: Any = zip(kept.itertuples(index=False), compress(files, there), strict=True)
    return Collection(
        layout=f"{images.metadata.name}, {mentions.path.name}, {source or 'no reports'}",
        samples=tuple(
            _sample(row, path, reports.get(row.study), contexts.get(row.study))
            for row, path in rows
        ),
        labels=tuple(labels),
        values=labels_of(mentions.codes)[there],
        mentions=mentions.codes[there],
        lists=lists,
        origin=f"{images.splits.name}, column split",
        form="jpg",
        absent={
            key: str(path)
            for key, path, found in zip(table["image"], files, there, strict=True)
            if not found
        },
        notes=_notes(len(studies), len(reports), int((~mentions.known[there]).sum())),
    )


def images_of(images: Images) -> list[Path]:
    """Where the images lie, in the order of the table."""
    columns = (images.table[name].tolist() for name in ("subject", "study", "image"))
    return [image_path(images.root, *ids) for ids in zip(*columns, strict=True)]


def present(root: Path, files: Sequence[Path]) -> npt.NDArray[np.bool_]:
    """Which of the files are there.

    Raises:
        DataError: When none is.
    """
    there = np.fromiter((path.is_file() for path in files), bool, len(files))
    if not there.any():
        raise DataError(
            "the images of MIMIC-CXR are missing",
            why=f"none of {len(files):,} is below {root / 'files'}, such as {files[0]}",
            fix="place the folder files of MIMIC-CXR-JPG there; `cxrbench data where` says more",
        )
    return there


def labels_of(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Mentions to labels: 1 positive, 0 negative, NaN uncertain or not mentioned."""
    values: npt.NDArray[np.float32] = _VALUES[codes]
    return values


def context_of(template: str, report: Report) -> str | None:
    """The template with `{sections}`, the indication and the history, filled in."""
    return fill_context(template, sections=join_context(report.indication, report.history))


def _sample(row: Any, image: Path, report: Report | None, context: str | None) -> Sample:
    return Sample(
        id=row.image,
        patient=row.subject,
        image=image,
        view=view_of(row.view),
        context=context,
        study=row.study,
        shape=shape_of(row.height, row.width),
        report=report,
    )


def _notes(studies: int, reported: int, unlabelled: int) -> tuple[str, ...]:
    notes = []
    if not reported:
        notes.append(f"no reports: neither {ARCHIVE} nor files/p*/*/s*.txt is there")
    elif reported < studies:
        notes.append(f"{studies - reported:,} of {studies:,} studies have no report")
    if unlabelled:
        notes.append(f"{unlabelled:,} images have no row of labels: they are unknown")
    return tuple(notes)
