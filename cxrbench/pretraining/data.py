"""The data of a pretraining run: opened, checked, and joined with recordings of gaze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrbench.cards import DatasetCard
from cxrbench.data.assemble import assemble
from cxrbench.data.collection import Collection, Download
from cxrbench.data.open import find_download, read
from cxrbench.data.samples import LabelledImages, Sample, Split
from cxrbench.data.splits import has_list
from cxrbench.errors import BadRequest, DataError
from cxrbench.hashing import sha256_json
from cxrbench.pretraining.gaze import GazePart, draw_share, find_gaze
from cxrbench.pretraining.objective import Wants
from cxrbench.pretraining.recipe import Data, PretrainingRecipe
from cxrbench.registry import Registry

_CODES = 4


@dataclass(frozen=True)
class PretrainingData:
    """What a run trains on.

    Attributes:
        card: The data set.
        images: Train and val, without what cannot be used.
        lists: Which list each split is.
        dropped: Images without findings by split, which are left out.
        counts: C×4; see `Setup`.
        gaze: Recordings of the images of both splits, by where they come from.
        warnings: What a user should know before hours of work.
    """

    card: DatasetCard
    images: LabelledImages
    lists: Mapping[str, str]
    dropped: Mapping[str, int]
    counts: npt.NDArray[np.int64]
    gaze: tuple[GazePart, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """What identifies the data: ids, labels, reports and readings, not where they lie."""
        readings = sorted((r.key, r.identity) for part in self.gaze for r in part.readings)
        return {**self.images.fingerprint, "gaze": sha256_json(readings)}

    def recordings(self, split: str) -> int:
        """Recordings of gaze of a split."""
        ids = set(self.images.splits[split].ids)
        return sum(reading.image in ids for part in self.gaze for reading in part.readings)

    def contexts(self, split: str) -> int:
        """Images of a split that come with a clinical context."""
        return sum(bool(sample.context) for sample in self.images.splits[split].samples)


def open_data(
    recipe: PretrainingRecipe,
    wants: Wants,
    registry: Registry,
    roots: Mapping[str, Path],
    *,
    demo: bool = False,
    limit: int | None = None,
) -> PretrainingData:
    """Find, read and check all that a recipe is trained on.

    Args:
        recipe: Names data set, lists, labels and gaze.
        wants: What the objective learns from.
        registry: Knows the data sets.
        roots: Data set name to folder, from the command line.
        demo: Use phantoms.
        limit: At most so many images of each split.

    Raises:
        DataError: When the data is missing, damaged, or, within the limit, lacks what the objective
            learns from.
        BadRequest: When fewer than two images are left.
    """
    card = registry.datasets.get(recipe.data.dataset).card
    download = find_download(card, roots, demo=demo)
    found = read(download)
    lists = _lists(download, found, recipe.data)
    opened = assemble(download, found, lists, recipe.data.labels or card.labels)
    counts = label_counts(opened.splits["train"])
    kept = {n: _with_findings(s) if wants.reports else s for n, s in opened.splits.items()}
    dropped = {name: len(split) - len(kept[name]) for name, split in opened.splits.items()}
    for name, split in kept.items():
        if not len(split):
            raise _lacks(card, name, "no image has findings in its report", opened.notes)
    gaze: tuple[GazePart, ...] = ()
    if wants.gaze > 0:
        gaze = find_gaze(recipe.data.gaze, download, found, registry, roots, demo=demo)
    images = replace(opened, splits=kept).limited(limit)
    data = PretrainingData(card, images, lists, dropped, counts, gaze)
    warnings = [
        *opened.notes,
        *_left_out(kept, dropped),
        # What a limit leaves has to do by itself: an objective without gaze is another one.
        *_check(data, wants),
    ]
    drawn = draw_share(gaze, images, wants.gaze, recipe.seed)
    return replace(data, gaze=drawn, warnings=tuple(warnings))


def label_counts(split: Split) -> npt.NDArray[np.int64]:
    """C×4: how often each label is not mentioned (or unknown), positive, negative, uncertain."""
    codes = split.mentions
    if codes is None:
        codes = np.select([split.labels == 1, split.labels == 0], [1, 2], 0).astype(np.uint8)
    return np.stack([(codes == code).sum(axis=0) for code in range(_CODES)], axis=1)


def _lists(download: Download, found: Collection, data: Data) -> dict[str, str]:
    """The first list of each split that there is."""
    chosen: dict[str, str] = {}
    for split, names in data.lists.items():
        present = (n for n in names if has_list(download.root, download.card, n, found.lists))
        name = next(present, None)
        if name is None:
            raise DataError(
                f"{download.card.name} has no list for {split}",
                why=f"none of {', '.join(names)} is in {found.layout} or beside it",
                fix=f"write splits/{names[0]}.txt, one id a line, or correct data.lists",
            )
        chosen[split] = name
    return chosen


def _with_findings(split: Split) -> Split:
    rows = [row for row, sample in enumerate(split.samples) if has_findings(sample)]
    return Split(
        tuple(split.samples[row] for row in rows),
        split.labels[rows],
        split.official,
        None if split.mentions is None else split.mentions[rows],
    )


def has_findings(sample: Sample) -> bool:
    """Whether the report says what is seen."""
    return sample.report is not None and bool(sample.report.findings.strip())


def _left_out(kept: Mapping[str, Split], dropped: Mapping[str, int]) -> list[str]:
    return [
        f"{count:,} of {count + len(kept[name]):,} images of {name} have no findings and are "
        "left out"
        for name, count in dropped.items()
        if count
    ]


def _check(data: PretrainingData, wants: Wants) -> list[str]:
    """Refuse data that lack what the objective learns from; warn of what looks wrong."""
    card, train = data.card, data.images.splits["train"]
    if len(train) < 2:
        raise BadRequest(
            "there is too little to train on",
            why=f"train has {len(train)} image(s): none has a negative",
            fix="raise --limit, or complete the data",
        )
    warnings = []
    counts = label_counts(train)
    if wants.labels and not counts[:, 1:].any():
        raise _lacks(card, "train", "no label of any image is known", data.images.notes)
    if wants.context and not data.contexts("train"):
        raise _lacks(card, "train", "no image has a clinical context", data.images.notes)
    if wants.gaze > 0:
        if not data.recordings("train"):
            where = ", ".join(part.title for part in data.gaze) or "data.gaze names no source"
            raise _lacks(card, "train", f"no recording of gaze is of one of its images ({where})")
        if not data.recordings("val"):
            warnings.append("no image of val has gaze: the val loss has no gaze term")
    named = zip(data.images.labels, counts, strict=True)
    never = [label for label, row in named if not row[1] + row[3]]
    if wants.labels and never:
        warnings.append(f"never present in train: {', '.join(never)}")
    return warnings


def _lacks(card: DatasetCard, split: str, why: str, notes: Sequence[str] = ()) -> DataError:
    return DataError(
        f"the data cannot be trained on: {split} of {card.name}",
        why="; ".join([why, *notes]),
        fix="complete the download (`cxrbench data where` says what belongs to it), raise --limit "
        "if you gave one, or take another recipe",
    )
