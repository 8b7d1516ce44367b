"""Two models compared on their stored predictions: what was compared, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from cxrbench.metrics.paired import holm_known
from cxrbench.metrics.significance import Significance


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Side(_Part):
    """One of the two models."""

    name: str = Field(description="The model, with what sets it apart from the other where needed.")
    runs: list[str] = Field(description="Run ids, a seed each, in the order of the seeds.")
    unranked_because: list[str] = Field(description="Why its runs are never ranked; or nothing.")
    overlaps: list[str] = Field(description="Data of this task that it was pretrained on.")


class ModelComparison(_Part):
    """One metric of two models on one task."""

    task: str
    protocol: str
    metric: str
    dataset: str = Field(description="The title of the data set.")
    data: str = Field(description="`real` or `phantom`.")
    split: str
    images: int
    patients: int
    seeds: list[int] = Field(description="Those that both models have; the rest are left out.")
    first: Side
    second: Side
    replicates: int
    draws_seed: int
    notes: list[str] = Field(description="What a reader has to know, such as settings that differ.")
    found: Significance

    @property
    def unranked_because(self) -> list[str]:
        """Why the comparison is not one of ranked runs, either side's reasons once."""
        return list(dict.fromkeys(self.first.unranked_because + self.second.unranked_because))


def adjusted(family: Sequence[ModelComparison]) -> list[ModelComparison]:
    """The same with Holm's p over the family: all that were compared at once and have a p."""
    p_values = holm_known([each.found.p for each in family])
    return [
        each.model_copy(update={"found": each.found.model_copy(update={"p_holm": p})})
        for each, p in zip(family, p_values, strict=True)
    ]


def tested(family: Sequence[ModelComparison]) -> int:
    """How many of a family have a p."""
    return sum(each.found.p is not None for each in family)
