"""The record of a pretraining run, schema 1: where a file of weights comes from.

It holds no id and no text of any image, so it may be shared as far as the weights may.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxrbench.atomic import write_text
from cxrbench.hashing import sha256_file
from cxrbench.pretraining.machine import Machine
from cxrbench.pretraining.plan import Plan
from cxrbench.results.provenance import collect
from cxrbench.results.record import Provenance, WeightsFacts
from cxrbench.training.fit import FitResult
from cxrbench.weights.report import LoadReport

RECORD = "record.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class PretrainedWeights(_Part):
    """The file that came out."""

    file: str
    sha256: str
    bytes: int
    tensors: int
    epoch: int = Field(description="Counted from 0: the one with the best val loss.")
    monitor: str
    value: float | None


class PretrainingRecord(_Part):
    """One finished run."""

    schema_version: Literal[1] = 1
    kind: Literal["pretraining"] = "pretraining"
    digest: str = Field(description="Hash of all that decides the numbers.")
    recipe: dict[str, Any]
    model: str
    encoder: str = Field(description="Identity of the encoder's card and code.")
    parameters: dict[str, int]
    start: WeightsFacts = Field(description="Side files such as a tokenizer are in its hashes.")
    wants: dict[str, float | bool] = Field(
        default_factory=dict, description="What the objective learnt from; see `Wants`."
    )
    data: dict[str, Any] = Field(description="Name, release, layout, splits and their sizes.")
    fingerprint: dict[str, str]
    limit: int | None
    devices: int
    steps: int
    epochs: list[dict[str, float | int | None]]
    weights: PretrainedWeights
    provenance: Provenance
    timings: dict[str, float]
    peak_memory: dict[str, int]
    warnings: list[str]


def write_record(
    folder: Path,
    plan: Plan,
    machine: Machine,
    load: LoadReport,
    result: FitResult,
    history: Sequence[dict[str, Any]],
    weights: Path,
    tensors: int,
    timings: dict[str, float],
    monitor: str,
) -> PretrainingRecord:
    """Make the record and write it, last of all."""
    data, card = plan.data, plan.data.card
    record = PretrainingRecord(
        digest=plan.digest,
        recipe=plan.recipe.model_dump(mode="json"),
        model=plan.card.id,
        encoder=plan.identity.encoder,
        parameters=dict(plan.parameters),
        start=WeightsFacts(
            source=plan.weights.source,
            sha256={file.entry.name: file.sha256 for file in plan.weights.files},
            matched=load.matched,
            total=load.total,
            by_order=load.by_order,
        ),
        wants=asdict(plan.wants),
        data={
            **plan.facts()["data"],
            "release": card.release,
            "layout": data.images.layout,
            "gaze": [part.title for part in data.gaze],
        },
        fingerprint=data.fingerprint,
        limit=plan.limit,
        devices=machine.devices,
        steps=plan.steps_per_epoch * len(history),
        epochs=[_finite(line) for line in history],
        weights=PretrainedWeights(
            file=weights.name,
            sha256=sha256_file(weights),
            bytes=weights.stat().st_size,
            tensors=tensors,
            epoch=result.epoch,
            monitor=monitor,
            value=result.value,
        ),
        provenance=collect(
            {"distribution": plan.provider.distribution, "version": plan.provider.version},
            machine.gpu,
        ),
        timings=timings,
        peak_memory=machine.peak_memory(),
        warnings=list(data.warnings),
    )
    write_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    return record


def _finite(line: dict[str, Any]) -> dict[str, Any]:
    return {k: v if v is not None and math.isfinite(v) else None for k, v in line.items()}
