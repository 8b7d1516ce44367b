"""What is to be written: the reports of a split, and the images each of them is written from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrbench.data.samples import Sample, Split
from cxrbench.errors import DataError
from cxrbench.runners.reports.recipe import ReportRecipe


@dataclass(frozen=True)
class Reports:
    """The reports of a split.

    Attributes:
        split: N samples, a report each; of several images of a study the first.
        texts: N reports, none of them empty.
        images: The images that each is written from, all of them of one number.
        left_out: Images whose report has no such text.
    """

    split: Split
    texts: tuple[str, ...]
    images: tuple[tuple[Sample, ...], ...]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def read(self) -> Split:
        """Every image that is read, once, without labels."""
        samples = tuple({sample.id: sample for own in self.images for sample in own}.values())
        return Split(samples, np.zeros((len(samples), 0), np.float32), self.split.official)

    def head(self, count: int | None) -> Reports:
        """The first so many; all for None."""
        if count is None:
            return self
        return Reports(
            self.split.head(count), self.texts[:count], self.images[:count], self.left_out
        )


def reports_of(split: Split, recipe: ReportRecipe, name: str) -> Reports:
    """The reports of a split, as the recipe wants them.

    Args:
        split: The split.
        recipe: Says which sections are wanted, and how many images are read together.
        name: Of the split, for the error.

    Raises:
        DataError: When no image has such a report.
    """
    texts = [_text(sample, recipe) for sample in split.samples]
    rows = [row for row, text in enumerate(texts) if text]
    if not rows:
        raise DataError(
            f"there is no report in the split {name}",
            why=f"none of its {len(split):,} images has {' or '.join(recipe.text)}",
            fix="place the reports where `cxrbench info` of the data set says",
        )
    groups = [[row] for row in rows] if recipe.views == 1 else _studies(split.samples, rows)
    first = [group[0] for group in groups]
    images = tuple(_images(split.samples, group, recipe.views) for group in groups)
    return Reports(
        _part(split, first), tuple(texts[row] for row in first), images, len(split) - len(rows)
    )


def _part(split: Split, rows: Sequence[int]) -> Split:
    mentions = None if split.mentions is None else split.mentions[rows]
    samples = tuple(split.samples[row] for row in rows)
    return Split(samples, split.labels[rows], split.official, mentions)


def _text(sample: Sample, recipe: ReportRecipe) -> str:
    if sample.report is None:
        return ""
    sections = (getattr(sample.report, name).strip() for name in recipe.text)
    return " ".join(dict.fromkeys(filter(None, sections)))


def _studies(samples: Sequence[Sample], rows: Iterable[int]) -> list[list[int]]:
    """Rows of one study together, in order; an image without a study stands by itself."""
    found: dict[str, list[int]] = {}
    for row in rows:
        sample = samples[row]
        found.setdefault(sample.study or f"image {sample.id}", []).append(row)
    return list(found.values())


def _images(samples: Sequence[Sample], rows: Sequence[int], count: int) -> tuple[Sample, ...]:
    """The first images of a study; the last of them again where there are too few."""
    chosen = [*rows[:count], *[rows[-1]] * (count - len(rows))]
    return tuple(samples[row] for row in chosen)
