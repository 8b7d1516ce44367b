"""The preprocessing mode: one way of preparing images that every encoder can be given."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from cxrbench.cards.base import Card
from cxrbench.image_spec import ImageSpec

NATIVE = "native"
"""The mode that no card describes: each encoder's own preprocessing."""


class PreprocessingMode(Card):
    """A named preprocessing, in place of the encoder's own and of the protocol's."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    summary: str
    preprocessing: ImageSpec

    @model_validator(mode="after")
    def _not_native(self) -> PreprocessingMode:
        if self.id == NATIVE:
            raise ValueError(f"`{NATIVE}` is each encoder's own preprocessing")
        return self


def is_mode(content: dict[str, Any]) -> bool:
    """Whether the content of a YAML file is such a card: preprocessing, and nothing to run."""
    return "preprocessing" in content and not {"entry", "recipes"} & set(content)
