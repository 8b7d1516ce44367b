"""The part of a record that may leave the machine.

It is built from the fields named here; whatever else a record holds, now or in a later version,
stays where it is. Free text (warnings, messages of errors, how the download was laid out), the
command and the names of files are not among them: they may tell of a patient, a person or a
machine. What a page needs of them has fields of its own, such as `leaks` and `by_order`, and a
command that makes the run again follows from the spec.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from cxrbench.results.record import (
    DatasetFacts,
    Failure,
    MetricFacts,
    Provenance,
    Record,
    Selection,
    SplitFacts,
    WeightsFacts,
)

KEPT: dict[type[BaseModel], tuple[str, ...]] = {
    Record: (
        "schema_version", "run_id", "kind", "status", "spec", "task_type", "main_metric",
        "context_used", "overlaps", "floors", "subgroup_floors", "timings", "peak_memory",
    ),
    DatasetFacts: ("name", "title", "release", "kind", "leaks", "missing"),
    SplitFacts: ("sha256", "n", "patients", "official", "positives"),
    WeightsFacts: ("source", "sha256", "matched", "total", "by_order", "phantom"),
    Selection: ("split", "metric", "value", "epoch"),
    MetricFacts: (
        "value", "n", "higher_is_better", "unit", "ci95", "ci95_per_class", "ci_method",
        "undefined_replicates", "per_class", "n_per_class", "impl",
    ),
    Provenance: ("created", "scored"),
}  # fmt: skip
"""Fields that are shared as they are. The others are made anew below, or left at their default."""

NOT_COMPUTED = "not computed where it was run"
FAILED = "the run failed"
FOLDER = "path"
"""The distribution of a plugin that was named as a folder."""

_VERSION = re.compile(
    r"\d{1,4}(\.\d{1,4}){0,3}((a|b|rc|\.?dev|\.?post)\d{0,8})*(\+[a-z]{2,5}\d{0,4})?"
)
_NAME = re.compile(r"[A-Za-z][\w.-]{0,79}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PLATFORM = re.compile(r"[A-Za-z0-9]+ [\w-]{1,20}")
_GPU = re.compile(r"[A-Za-z][\w ().+-]{0,79}")


def shareable(record: Record) -> Record:
    """A record with what may be shared of it, and nothing else; the same if done again."""
    data, chosen = record.dataset, record.selection
    return Record(
        **_kept(record),
        dataset=DatasetFacts(
            **_kept(data),
            splits={name: SplitFacts(**_kept(split)) for name, split in data.splits.items()},
        ),
        weights=WeightsFacts(**_kept(record.weights)),
        selection=None
        if chosen is None
        else Selection(**_kept(chosen), hyperparameters=_numbers(chosen.hyperparameters)),
        metrics=_scored(record.metrics),
        subgroups={name: _scored(part) for name, part in record.subgroups.items()},
        conditions={name: _scored(part) for name, part in record.conditions.items()},
        provenance=_provenance(record),
        error=None if record.error is None else _failure(record.error),
    )


def to_text(record: Record) -> str:
    """The file of a record that is shared."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def _kept(part: BaseModel) -> dict[str, Any]:
    return {name: getattr(part, name) for name in KEPT[type(part)]}


def _scored(metrics: Mapping[str, MetricFacts]) -> dict[str, MetricFacts]:
    return {
        name: MetricFacts(**_kept(facts), reason=NOT_COMPUTED if facts.reason else None)
        for name, facts in metrics.items()
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float)}


def _provenance(record: Record) -> Provenance:
    own = record.provenance
    return Provenance(
        **_kept(own),
        versions={
            name: version
            for name, version in own.versions.items()
            if _NAME.fullmatch(name) and _VERSION.fullmatch(version)
        },
        git=_git(own.git),
        plugin=_plugin(own.plugin),
        platform=own.platform if _PLATFORM.fullmatch(own.platform) else "",
        gpu=own.gpu if _GPU.fullmatch(own.gpu) else "",
    )


def _git(state: Mapping[str, Any]) -> dict[str, Any]:
    commit = state.get("commit")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return {}
    return {"commit": commit, "dirty": state.get("dirty") is not False}


def _plugin(told: Mapping[str, str]) -> dict[str, str]:
    if not told:
        return {}
    name, version = told.get("distribution", ""), told.get("version", "")
    return {
        "distribution": name if _NAME.fullmatch(name) else FOLDER,
        "version": version if _VERSION.fullmatch(version) else "",
    }


def _failure(error: Failure) -> Failure:
    return Failure(type=error.type if _NAME.fullmatch(error.type) else "Error", message=FAILED)
