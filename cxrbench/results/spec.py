"""The run spec: all that changes a number, and nothing else."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cxrbench.hashing import sha256_json

_HASH_LENGTH = 12


class RunSpec(BaseModel):
    """What is run. Two runs with equal specs give the same numbers and share a run id.

    Left out of the run id, and why:

    | left out | why |
    |---|---|
    | device, number of workers, evaluation batch size | only rounding is left |
    | paths of data, weights, cache and output | content is identified by hash |
    | time, user, machine, library versions | kept in the record's provenance |
    | bootstrap settings | scoring is a second step that can be repeated |
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    model: str
    encoder: str = Field(description="Hash of the model's card, settings and provider.")
    weights: dict[str, str] = Field(description="SHA-256 by file, or `source: random | none`.")
    task: str
    task_version: int
    data: dict[str, str] = Field(description="Hashes of ids, labels and a probe of the images.")
    protocol: str
    recipe: dict[str, Any] = Field(description="The protocol's recipe as it applies here.")
    seed: int
    precision: str
    micro_batch: int | None = Field(
        default=None, description="Training images at once, when not the recipe's."
    )
    limit: int | None = None

    @cached_property
    def run_id(self) -> str:
        """Readable and unique: model, task, protocol and seed, then the hash of the whole spec."""
        readable = "_".join([self.model, self.task, self.protocol, f"s{self.seed}"])
        digest = sha256_json(self.model_dump(mode="json"))[:_HASH_LENGTH]
        return f"{re.sub(r'[^A-Za-z0-9@._-]', '-', readable)}_{digest}"

    @cached_property
    def group_id(self) -> str:
        """Equal for runs that differ in their seed alone; only those are averaged."""
        fields = self.model_dump(mode="json", exclude={"seed"})
        return sha256_json(fields)[:_HASH_LENGTH]
