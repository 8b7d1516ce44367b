"""What an adapter makes of a download: verified splits of labelled radiographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from cxrbench.cards.task import SplitName as SplitName
from cxrbench.data.records import Gaze, Report
from cxrbench.data.regions import Box, Mask, MaskFile, Region, draw
from cxrbench.hashing import sha256_ids, sha256_json, sha256_text

PHANTOM_MARKER = "PHANTOM.json"
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """One radiograph and what its data set says about it.

    Attributes:
        id: Unique in the data set; not to leave the machine for credentialed data.
        patient: Images of one patient share it.
        image: The file.
        view: Projection ("PA", "AP", ...), None where unknown.
        sex: "M" or "F", None where unknown.
        age: In years, None where unknown or impossible.
        context: Clinical context as plain text, None where there is none.
        study: Images taken together share it, and the report; None where it is not told.
        regions: What is marked as abnormal; empty where nothing is, None where nobody looked.
        anatomy: Boxes of anatomical structures, which every chest has; no part of `mask`.
        shape: Height and width of the original, which `regions` and `anatomy` refer to.
        report: The report of the study.
        gaze: Readings with an eye tracker.
    """

    id: str
    patient: str
    image: Path
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    context: str | None = None
    study: str | None = None
    regions: tuple[Region, ...] | None = None
    anatomy: tuple[Box, ...] = ()
    shape: tuple[int, int] | None = None
    report: Report | None = None
    gaze: tuple[Gaze, ...] = ()

    @property
    def mask(self) -> Mask | None:
        """The marked pixels of the original, bool H×W; None where nobody looked.

        Raises:
            DataError: When a mask cannot be read or does not fit the image.
        """
        if self.regions is None or self.shape is None:
            return None
        return draw(self.regions, *self.shape)

    @property
    def stamp(self) -> str:
        """Changes when the image file does; `absent` when it is gone, which reading it reports."""
        try:
            stat = self.image.stat()
        except FileNotFoundError:
            return "absent"
        return f"{stat.st_size}-{stat.st_mtime_ns}"


@dataclass(frozen=True)
class Split:
    """One split.

    Attributes:
        samples: In the order of the id list.
        labels: N×C float32: 1 present, 0 absent, NaN unknown.
        official: Whether the list is the one the card describes.
        mentions: N×C uint8 for labels read from text (see `Collection`), else None.
    """

    samples: tuple[Sample, ...]
    labels: npt.NDArray[np.float32]
    official: bool
    mentions: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def ids(self) -> list[str]:
        """Ids in order."""
        return [sample.id for sample in self.samples]

    @cached_property
    def sha256(self) -> str:
        """Hash of the set of ids."""
        return sha256_ids(self.ids)

    @cached_property
    def labels_sha256(self) -> str:
        """Hash of the labels, by id."""
        rows = sorted(zip(self.ids, self.labels.tolist(), strict=True))
        return sha256_text(repr(rows))

    @cached_property
    def told_sha256(self) -> str:
        """Hash of all else that is said of each image, from its patient to its gaze."""
        rows = sorted(
            (s.id, s.patient, s.view or "", s.context or "", *_told_besides(s))
            for s in self.samples
        )
        return sha256_text(repr(rows))

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Positives of each label."""
        found: npt.NDArray[np.int64] = (self.labels == 1).sum(axis=0).astype(np.int64)
        return found

    @cached_property
    def patients(self) -> int:
        """Number of patients."""
        return len({sample.patient for sample in self.samples})

    def head(self, limit: int) -> Split:
        """The first `limit` samples."""
        mentions = None if self.mentions is None else self.mentions[:limit]
        return Split(self.samples[:limit], self.labels[:limit], self.official, mentions)


@dataclass(frozen=True)
class LabelledImages:
    """A data set opened for one task.

    Attributes:
        root: The download.
        layout: Which form of the download was found.
        labels: Label names, in the order of the columns of `Split.labels`.
        splits: Train, val and test, or test alone; disjoint by patient, unless a protocol looks
            images up as a released code does that mixes them up.
        rows: Images that the download tells of.
        absent: Those of them that are not there.
        form: Which form of the download it is, as the card names it.
        notes: What a user should know of how the download was read.
    """

    root: Path
    layout: str
    labels: tuple[str, ...]
    splits: Mapping[str, Split]
    rows: int = 0
    absent: int = 0
    form: str = ""
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["real", "phantom"]:
        """`phantom` for a synthetic stand-in, whose numbers are never ranked."""
        return "phantom" if (self.root / PHANTOM_MARKER).exists() else "real"

    @property
    def official(self) -> bool:
        """Whether every split is the official one."""
        return all(split.official for split in self.splits.values())

    @cached_property
    def leaks(self) -> dict[str, int]:
        """Images that two splits share, such as `test in train`; empty where none do."""
        ids = {name: set(split.ids) for name, split in self.splits.items()}
        shared = {f"{b} in {a}": len(ids[a] & ids[b]) for a, b in combinations(ids, 2)}
        return {where: count for where, count in shared.items() if count}

    def limited(self, limit: int | None) -> LabelledImages:
        """The data set with at most `limit` samples in each split."""
        if limit is None:
            return self
        splits = {name: split.head(limit) for name, split in self.splits.items()}
        return replace(self, splits=splits)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """What identifies the data in a run id: ids, labels and contents, not where they lie."""
        found = {f"{name}_ids": split.sha256 for name, split in self.splits.items()}
        found["labels"] = sha256_json([s.labels_sha256 for s in self.splits.values()])
        found["told"] = sha256_json([s.told_sha256 for s in self.splits.values()])
        found["images"] = sha256_json(self._probe())
        return found

    def _probe(self, count: int = 8) -> list[int]:
        """File sizes of a few images of each split: tells a resized copy from the original.

        And of a few mask files, where there are such; -1 of one that is not there.
        """
        found = []
        for split in self.splits.values():
            step = max(1, len(split) // count)
            found += [sample.image.stat().st_size for sample in split.samples[::step]]
            masks = [
                region.path
                for sample in split.samples
                for region in sample.regions or ()
                if isinstance(region, MaskFile)
            ]
            step = max(1, len(masks) // count)
            found += [p.stat().st_size if p.exists() else -1 for p in masks[::step]]
        return found


def _told_besides(sample: Sample) -> tuple[str, ...]:
    """What identifies report, regions, anatomy and gaze; nothing where there are none."""
    # A mask file is told by its name: where the download lies is no part of what it says.
    regions = (
        None
        if sample.regions is None
        else tuple(
            replace(r, path=Path(r.path.name)) if isinstance(r, MaskFile) else r
            for r in sample.regions
        )
    )
    told = [repr(part) for part in (sample.report, regions) if part is not None]
    told += [f"anatomy {sample.anatomy}"] if sample.anatomy else []
    told += [
        f"{g.id} {sha256_text(repr(g.fixations.tolist()))} {g.utterances}" for g in sample.gaze
    ]
    return tuple(told)
