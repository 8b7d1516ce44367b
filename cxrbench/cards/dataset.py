"""The data set card: what its owners publish, how it is read, and what is known to be right."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from cxrbench.cards.base import Card
from cxrbench.cards.model import Paper


class SplitCard(Card):
    """One list of ids and what is known about the official one."""

    n: int | None = Field(
        default=None, description="Images in the official list; None where nobody has published it."
    )
    patients: int | None = Field(default=None, description="Patients in the official list.")
    positives: dict[str, int] | None = Field(
        default=None, description="Images with each label in the official list; None: not known."
    )
    source: Literal["list", "download", "rule"] = Field(
        default="list",
        description="Where the official list is: published by itself, told by the download (its "
        "folders, or a column), or drawn by a rule that the adapter states.",
    )
    form: str = Field(
        default="", description="The form of the download that has this list; empty: all."
    )
    url: str = Field(default="", description="Public address of the official list.")
    sha256: str | None = Field(default=None, description="Of the sorted ids, newline-joined.")


class DatasetCard(Card):
    """A data set as its owners publish it, and the adapter that reads it as it is."""

    name: str = Field(description="Short id, used as `--data-root NAME=DIR`.")
    title: str
    release: str
    url: str
    licence: str
    access: Literal["open", "registration", "credentialed"]
    terms: str = Field(default="", description="What has to be signed or done to get it.")
    paper: Paper | None = None
    layout: list[str] = Field(description="What the adapter expects to find, a line each.")
    overlaps: dict[str, str] = Field(
        default_factory=dict, description="Other data sets with the same images, and how."
    )
    entry: str = Field(description="`module:callable`; takes a `Download`, gives a `Collection`.")
    home: str = Field(
        default="", description="Data set in whose folder this one lies, if it has none of its own."
    )
    needs: list[str] = Field(
        default_factory=list, description="Data sets whose files this one names."
    )
    labels: list[str] = Field(default_factory=list, description="In the order of the columns.")
    spellings: dict[str, list[str]] = Field(
        default_factory=dict, description="What the download calls a label, where it differs."
    )
    patient_ids: bool = Field(
        default=True, description="Whether patients are told; else each image counts as one."
    )
    context_template: str = Field(
        default="",
        description="How clinical context is phrased; empty: there is none. `{sections}` stands "
        "for indication and history told apart (see `cxrbench.data.context.join_context`).",
    )
    rows: dict[str, int] = Field(
        default_factory=dict,
        description="Images that the whole download tells of, by its form; a single form is ''.",
    )
    splits: dict[str, SplitCard] = Field(
        default_factory=dict, description="Every list there is, by the stem of its file."
    )
    phantom: str = Field(default="", description="`module:callable` that writes a phantom root.")
    phantom_settings: dict[str, int | str] = Field(
        default_factory=dict, description="Given to it by name: patients, seed, size, form."
    )
    phantom_forms: list[str] = Field(
        default_factory=list, description="Forms of the download it can write; the first is usual."
    )

    @field_validator("rows", mode="before")
    @classmethod
    def _of_the_only_form(cls, rows: Any) -> Any:
        return {"": rows} if isinstance(rows, int) else rows

    @property
    def id(self) -> str:
        """The name, under which the registry knows it."""
        return self.name
