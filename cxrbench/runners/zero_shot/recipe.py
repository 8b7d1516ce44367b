"""The zero-shot section of a protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cxrbench.runners.recipe import Recipe
from cxrbench.runners.zero_shot.prompts import Prompts


class ZeroShotRecipe(Recipe):
    """A zero-shot recipe, with the prompts of the task merged in."""

    prompts: Prompts
    pool: Literal["prototype", "max"] = Field(
        default="prototype",
        description="How the prompts of a finding become one: the mean of their vectors, each and "
        "then the mean of norm 1; or the one that fits an image best.",
    )
    standardise: bool = Field(
        default=False,
        description="Whether scores are standardised over the images of the split, by label.",
    )
    both_contexts: bool = Field(
        default=False, description="Whether the other choice of `context` is scored beside it."
    )
    each_prompt: bool = Field(
        default=False, description="Whether every prompt is scored alone too, to see the spread."
    )
    healthy_negatives: bool = Field(
        default=False,
        description="Whether labels are scored against images without any of them too.",
    )
