"""A figure that can be drawn: what it is and stands on, known before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxrbench.leaderboard.board import MARKS, OVERLAP
from cxrbench.leaderboard.groups import Group
from cxrbench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES = 3


@dataclass(frozen=True)
class Sheet:
    """One figure.

    Attributes:
        kind: Kind of figure.
        name: File name without suffix; unique among the sheets of a kind unless the data differ.
        heading: What it is, in a line.
        caption: What is drawn and how it was computed, in sentences.
        groups: The runs it stands on.
        draw: Draws it under the lines of a title.
        predictions: Whether stored predictions are read.
    """

    kind: str
    name: str
    heading: str
    caption: str
    groups: tuple[Group, ...]
    draw: Callable[[Sequence[str]], Figure]
    predictions: bool = False

    @property
    def records(self) -> list[Record]:
        """The records it stands on, failed ones included, by run id."""
        found = [record for group in self.groups for record in (*group.done, *group.failed)]
        return sorted(found, key=lambda record: record.run_id)

    @property
    def unranked_because(self) -> list[str]:
        """Why its runs are not ranked; empty when they are."""
        return sorted({r for group in self.groups for r in group.first.unranked_because})

    @property
    def title(self) -> list[str]:
        """What it is, the data, and what a reader has to be told."""
        lines = [self.heading, data_words(self.groups, self.heading)]
        if self.unranked_because:
            lines.append(f"not ranked: {', '.join(self.unranked_because)}")
        if any(group.first.overlaps for group in self.groups):
            lines.append(f"{OVERLAP} {MARKS[OVERLAP].rstrip('.')}")
        return lines


def data_words(groups: Sequence[Group], heading: str = "") -> str:
    """The data that groups stand on: the test split where all have the same.

    Args:
        groups: The runs.
        heading: What is said already.
    """
    records = [group.first for group in groups]
    kinds = {"phantom data" if r.dataset.kind == "phantom" else "" for r in records}
    names = list(dict.fromkeys(record.dataset.title for record in records))
    said = ", ".join(names) if len(names) <= _MOST_NAMES else f"{len(names)} data sets"
    parts = [] if said in heading else [said]
    parts += sorted(kinds - {""}) or ["real data"]
    tests = {
        (split.sha256, split.n, split.patients)
        for record in records
        for split in [record.dataset.splits.get("test")]
        if split is not None
    }
    if len(tests) == 1:
        _, images, patients = next(iter(tests))
        parts.append(f"test split of {images:,} images of {patients:,} patients")
    return ", ".join(parts)
