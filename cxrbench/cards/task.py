"""The task card: a data set, a split, the protocols it allows and how it is scored."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cxrbench.cards.base import Card
from cxrbench.cards.model import Paper


class SplitCard(Card):
    """One list of ids and what is known about the official one."""

    file: str = Field(description="Stem of the list, `<file>.txt`, one id a line.")
    n: int = Field(description="Images in the official list.")
    patients: int | None = Field(default=None, description="Patients in the official list.")
    url: str = Field(default="", description="Public address of the official list.")
    sha256: str | None = Field(default=None, description="Of the sorted ids, newline-joined.")


class DatasetCard(Card):
    """A data set as its owners publish it."""

    name: str = Field(description="Short id, used as `--data-root NAME=DIR`.")
    title: str
    release: str
    url: str
    licence: str
    access: Literal["open", "registration", "credentialed"]
    paper: Paper | None = None
    layout: list[str] = Field(description="What the adapter expects to find, a line each.")
    overlaps: dict[str, str] = Field(
        default_factory=dict, description="Other data sets with the same images, and how."
    )


class TaskCard(Card):
    """One benchmark task."""

    id: str
    type: str = Field(description="Name of the runner.")
    title: str
    version: int = 1
    dataset: DatasetCard
    entry: str = Field(description="`module:callable`; called with root and card, returns data.")
    phantom: str = Field(default="", description="`module:callable` that writes a phantom root.")
    phantom_settings: dict[str, int] = Field(
        default_factory=dict, description="Given to it by name: patients, seed, size."
    )
    labels: list[str] = Field(description="In the order of the scores.")
    context_template: str = Field(
        default="", description="How clinical context is phrased; empty: there is none."
    )
    splits: dict[Literal["train", "val", "test"], SplitCard]
    protocols: dict[str, dict[str, Any]] = Field(
        description="Allowed protocols and what each sets for this task."
    )
    default_protocol: str = "strict@1"
    main_metric: str

    @property
    def shareable(self) -> bool:
        """Whether ids of this data set may leave the machine."""
        return self.dataset.access != "credentialed"
