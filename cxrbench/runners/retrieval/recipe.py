"""The retrieval section of a protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cxrbench.runners.recipe import Recipe


class RetrievalRecipe(Recipe):
    """A retrieval recipe, with the settings of the task merged in."""

    text: list[Literal["findings", "impression"]] = Field(
        min_length=1,
        description="Sections of the report that make its text, in order; a blank one, or one that "
        "repeats another, is left out. The encoder's own tokenizer cuts what is too long for it.",
    )
    gallery: Literal["whole", "batch"] = Field(
        default="whole",
        description="Whether a query looks among all samples, or among those of a random batch.",
    )
    gallery_size: int | None = Field(default=None, gt=0, description="Samples of a batch.")
    gallery_seed: int = Field(default=0, description="Of the order that batches are cut from.")
    both_contexts: bool = Field(
        default=False, description="Whether the other choice of `context` is scored beside it."
    )

    @model_validator(mode="after")
    def _complete(self) -> RetrievalRecipe:
        if (self.gallery == "batch") != (self.gallery_size is not None):
            raise ValueError("gallery_size belongs to `gallery: batch`")
        return self
