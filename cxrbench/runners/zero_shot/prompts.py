"""Prompts as data: books that hold several texts for each finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml
from pydantic import Field, model_validator

from cxrbench.runners.recipe import Section


class Described(Section):
    """A finding, or its absence, in several texts."""

    name: str = Field(description="As the book and the vocabularies of models call it.")
    texts: list[str] = Field(min_length=1)


class Prompts(Section):
    """The texts of each label, and those they are held against.

    A card says where they are: `book`, `package:file.yaml` with a list of texts a finding (not
    among the cards of a package, but in a folder, `package:folder/file.yaml`, or package below);
    `findings`, the finding of each label; `negative`, the entry that describes their absence;
    `count`, how many texts of each are used, from the first on; `contrast`, whether labels are held
    against `negative`. What is kept, in the recipe and so in the run id, is the texts themselves.
    """

    findings: dict[str, Described] = Field(min_length=1, description="By label.")
    negative: Described | None = Field(default=None, description="None: held against nothing.")

    @model_validator(mode="before")
    @classmethod
    def _look_up(cls, fields: Any) -> Any:
        return _looked_up(fields) if isinstance(fields, Mapping) and "book" in fields else fields

    @model_validator(mode="after")
    def _equally_many(self) -> Prompts:
        sizes = {described.name: len(described.texts) for described in self.described}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"findings have different numbers of prompts: {sizes}")
        return self

    @property
    def against(self) -> list[Described]:
        """What findings are held against: one description or none."""
        return [self.negative] if self.negative else []

    @property
    def described(self) -> list[Described]:
        """All findings, and what they are held against."""
        return [*self.findings.values(), *self.against]

    def findings_of(self, labels: Sequence[str]) -> list[Described]:
        """The findings in the order of the labels."""
        return [self.findings[label] for label in labels]

    @property
    def count(self) -> int:
        """Texts of each finding."""
        return len(self.described[0].texts)


def _looked_up(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The texts in the place of what names them."""
    known = {"book", "findings", "negative", "count", "contrast"}
    if not set(fields) <= known:
        raise ValueError(f"unknown: {', '.join(sorted(set(fields) - known))}")
    book = _read_book(fields["book"])

    def described(name: str) -> dict[str, Any]:
        if name not in book:
            raise ValueError(f"{fields['book']} has no prompts for {name}")
        return {"name": name, "texts": book[name][: fields.get("count")]}

    found = {label: described(name) for label, name in fields.get("findings", {}).items()}
    against = fields.get("negative") if fields.get("contrast", True) else None
    return {"findings": found, **({"negative": described(against)} if against else {})}


@lru_cache
def _read_book(where: str) -> dict[str, list[str]]:
    """The texts of each finding.

    Raises:
        ValueError: When there is no such book, or it is no mapping of lists of different texts.
    """
    package, _, file = where.partition(":")
    try:
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
        book = yaml.safe_load(text)
    except (ImportError, OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"cannot read the prompts {where}: {error}") from error
    if not isinstance(book, dict):
        raise ValueError(f"{where} is no mapping of findings to lists of prompts")
    for name, texts in book.items():
        if not isinstance(texts, list) or not all(isinstance(t, str) and t.strip() for t in texts):
            raise ValueError(f"{where}: {name} is no list of texts")
        if len(set(texts)) != len(texts):
            raise ValueError(f"{where}: a text of {name} is there twice")
    return book
