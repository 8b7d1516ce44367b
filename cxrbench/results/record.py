"""The run record, schema 1: the immutable JSON every number comes from.

Numbers keep full precision; only pages round. Records of schema 1 load for ever.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxrbench.results.spec import RunSpec

SCHEMA_VERSION: Literal[1] = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SplitFacts(_Part):
    """One split as it was used."""

    sha256: str = Field(description="Of the sorted ids.")
    n: int
    patients: int
    official: bool = Field(description="False for a custom list, which is never ranked.")
    positives: dict[str, int] = Field(default_factory=dict, description="Images by label.")


class DatasetFacts(_Part):
    """The data a run used."""

    name: str
    title: str
    release: str
    layout: str = ""
    kind: Literal["real", "phantom"]
    splits: dict[str, SplitFacts]
    leaks: dict[str, int] = Field(
        default_factory=dict, description="Images that two splits share, such as `test in train`."
    )
    missing: int = Field(default=0, description="Samples left out because they are missing.")


class WeightsFacts(_Part):
    """What the encoder was filled with."""

    source: Literal["card", "path", "random", "none"]
    sha256: dict[str, str] = Field(default_factory=dict)
    matched: int = 0
    total: int = 0
    by_order: bool = False
    phantom: bool = Field(default=False, description="Trained on phantoms.")


class Selection(_Part):
    """How the reported model was chosen."""

    split: str
    metric: str
    value: float | None
    epoch: int | None = None
    hyperparameters: dict[str, Any] = Field(default_factory=dict)


class MetricFacts(_Part):
    """One metric on the test split."""

    value: float | None = Field(description="None where undefined, such as AUROC of one class.")
    n: int = Field(description="Samples that count.")
    higher_is_better: bool
    unit: str = Field(
        default="fraction", description="What it counts; pages show fractions in percent."
    )
    ci95: tuple[float, float] | None = Field(
        default=None, description="Sampling uncertainty of this run, clustered by patient."
    )
    ci95_per_class: dict[str, tuple[float, float] | None] = Field(
        default_factory=dict, description="As `ci95`, by label or class."
    )
    ci_method: str | None = None
    undefined_replicates: int = Field(default=0, description="Bootstrap replicates left out.")
    per_class: dict[str, float | None] | None = Field(
        default=None, description="By label or class; None for metrics that pool them."
    )
    n_per_class: dict[str, int] = Field(
        default_factory=dict, description="Samples that count, by label or class."
    )
    impl: str = Field(default="", description="Package and version that computed it.")
    readers: dict[str, str] | None = Field(
        default=None, description="SHA-256 of the files of the models that read the texts."
    )
    reason: str | None = Field(
        default=None, description="Why there is no value, where a program or weights were absent."
    )


class Artifact(_Part):
    """A file beside the record."""

    path: str = Field(description="Relative to the folder of the record.")
    sha256: str
    restricted: bool = Field(description="Holds ids that must not leave the machine.")


class Provenance(_Part):
    """Where, when and with what."""

    created: str = Field(description="UTC, ISO 8601.")
    scored: str = Field(default="", description="When it was scored again, if ever.")
    argv: list[str] = Field(default_factory=list, description="Folders are redacted.")
    versions: dict[str, str] = Field(default_factory=dict)
    git: dict[str, Any] = Field(default_factory=dict, description="commit, dirty.")
    plugin: dict[str, str] = Field(default_factory=dict, description="Who offers the model.")
    platform: str = ""
    gpu: str = ""


class Failure(_Part):
    """Why a run has no numbers."""

    type: str
    message: str
    why: str = ""
    fix: str = ""


class Record(_Part):
    """One run."""

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: str
    kind: Literal["measured"] = "measured"
    status: Literal["ok", "failed"]
    spec: RunSpec
    task_type: str = Field(description="Which runner made it and can score it again.")
    main_metric: str
    dataset: DatasetFacts
    weights: WeightsFacts
    context_used: bool = False
    overlaps: list[str] = Field(
        default_factory=list, description="Data of this task that the model was pretrained on."
    )
    selection: Selection | None = None
    metrics: dict[str, MetricFacts] = Field(default_factory=dict)
    floors: dict[str, float | None] = Field(default_factory=dict)
    subgroups: dict[str, dict[str, MetricFacts]] = Field(
        default_factory=dict, description="The metrics on parts of the test split, by name."
    )
    subgroup_floors: dict[str, dict[str, float | None]] = Field(
        default_factory=dict, description="`floors` of these parts."
    )
    conditions: dict[str, dict[str, MetricFacts]] = Field(
        default_factory=dict, description="The metrics with something done otherwise, by its name."
    )
    artifacts: dict[str, Artifact] = Field(default_factory=dict)
    provenance: Provenance
    timings: dict[str, float] = Field(default_factory=dict, description="Seconds by phase.")
    peak_memory: dict[str, int] = Field(default_factory=dict, description="Bytes, by device.")
    warnings: list[str] = Field(default_factory=list)
    error: Failure | None = None

    @property
    def unranked_because(self) -> list[str]:
        """Why the run is recorded but never ranked; empty when it may be ranked."""
        reasons = []
        if self.dataset.kind == "phantom":
            reasons.append("phantom data")
        elif not all(split.official for split in self.dataset.splits.values()):
            reasons.append("custom split")
        if self.weights.source == "random":
            reasons.append("random weights")
        if self.weights.phantom:
            reasons.append("weights trained on phantoms")
        if "+" in self.spec.protocol:
            reasons.append("changed protocol")
        if self.spec.limit is not None:
            reasons.append(f"--limit {self.spec.limit}")
        return reasons
