"""Comparing a data set with its card."""

from __future__ import annotations

from dataclasses import dataclass

from cxrbench.cards import TaskCard
from cxrbench.data.images import read_grey
from cxrbench.data.samples import SPLITS, LabelledImages
from cxrbench.errors import DataError
from cxrbench.progress import track

_UNKNOWN = "–"


@dataclass(frozen=True)
class Line:
    """One thing that was compared; `expected` is – where the card or a phantom says nothing."""

    split: str
    what: str
    expected: str
    found: str
    ok: bool


def compare(card: TaskCard, data: LabelledImages) -> list[Line]:
    """Size, patients and hash of every split, beside what the card expects."""
    lines = []
    for name in SPLITS:
        split, expected = data.splits[name], card.splits[name]
        facts: list[tuple[str, int | str | None, int | str]] = [
            ("images", expected.n, len(split)),
            ("patients", expected.patients, split.patients),
            ("sha256 of ids", expected.sha256, split.sha256),
        ]
        for what, wanted, found in facts:
            known = wanted is not None and data.kind == "real"
            lines.append(
                Line(
                    name,
                    what,
                    _show(wanted) if known else _UNKNOWN,
                    _show(found),
                    not known or wanted == found,
                )
            )
    return lines


def positives(data: LabelledImages) -> dict[str, dict[str, int]]:
    """Positives by split and label."""
    return {
        name: dict(zip(data.labels, data.splits[name].counts.tolist(), strict=True))
        for name in SPLITS
    }


def undecodable(data: LabelledImages) -> list[str]:
    """What is wrong with each image that does not decode."""
    images = {sample.image for split in data.splits.values() for sample in split.samples}
    found = []
    for path in track(sorted(images), "decoding images"):
        try:
            read_grey(path)
        except DataError as error:
            found.append(f"{error.what}: {error.why}")
    return found


def _show(value: int | str | None) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return _UNKNOWN if value is None else value[:12]
