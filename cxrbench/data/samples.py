"""What an adapter makes of a download: verified splits of labelled radiographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from cxrbench.hashing import sha256_ids, sha256_json, sha256_text

SplitName = Literal["train", "val", "test"]
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
    """

    id: str
    patient: str
    image: Path
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    context: str | None = None

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
        official: Whether the list is the one the task card describes.
    """

    samples: tuple[Sample, ...]
    labels: npt.NDArray[np.float32]
    official: bool

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
        """Hash of what else is said of each image: its patient, view and clinical context."""
        rows = sorted((s.id, s.patient, s.view or "", s.context or "") for s in self.samples)
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
        return Split(self.samples[:limit], self.labels[:limit], self.official)


@dataclass(frozen=True)
class LabelledImages:
    """A data set opened for one task.

    Attributes:
        root: The download.
        layout: Which form of the download was found.
        labels: Label names, in the order of the columns of `Split.labels`.
        splits: Train, val and test; disjoint by patient.
    """

    root: Path
    layout: str
    labels: tuple[str, ...]
    splits: Mapping[SplitName, Split]

    @property
    def kind(self) -> Literal["real", "phantom"]:
        """`phantom` for a synthetic stand-in, whose numbers are never ranked."""
        return "phantom" if (self.root / PHANTOM_MARKER).exists() else "real"

    @property
    def official(self) -> bool:
        """Whether every split is the official one."""
        return all(split.official for split in self.splits.values())

    def limited(self, limit: int | None) -> LabelledImages:
        """The data set with at most `limit` samples in each split."""
        if limit is None:
            return self
        splits = {name: split.head(limit) for name, split in self.splits.items()}
        return LabelledImages(self.root, self.layout, self.labels, splits)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """What identifies the data in a run id: ids, labels and contents, not where they lie."""
        found = {f"{name}_ids": split.sha256 for name, split in self.splits.items()}
        found["labels"] = sha256_json([s.labels_sha256 for s in self.splits.values()])
        found["told"] = sha256_json([s.told_sha256 for s in self.splits.values()])
        found["images"] = sha256_json(self._probe())
        return found

    def _probe(self, count: int = 8) -> list[int]:
        """File sizes of a few images of each split: tells a resized copy from the original."""
        found = []
        for split in self.splits.values():
            step = max(1, len(split) // count)
            found += [sample.image.stat().st_size for sample in split.samples[::step]]
        return found
