"""From a finished or failed run to its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from cxrbench.data.assemble import BY_ID
from cxrbench.errors import CxrbenchError
from cxrbench.execution.machine import gpu_name, peak_memory
from cxrbench.execution.plan import PlannedRun
from cxrbench.execution.stages import Predicted
from cxrbench.hashing import sha256_file
from cxrbench.metrics.subgroups import FEWEST_PATIENTS
from cxrbench.predictions import Predictions
from cxrbench.results.predictions import write_sample_scores
from cxrbench.results.provenance import collect
from cxrbench.results.record import (
    Artifact,
    DatasetFacts,
    Failure,
    MetricFacts,
    Record,
    Selection,
    SplitFacts,
    WeightsFacts,
)
from cxrbench.runners.base import Machine
from cxrbench.runners.scoring import Scored, Scores
from cxrbench.timing import Timer
from cxrbench.weights.origin import contradictions, saw_phantoms
from cxrbench.weights.report import LoadReport

_SMALL_SUBGROUPS = "subgroups of fewer than "


def success(
    planned: PlannedRun, predicted: Predicted, folder: Path, timer: Timer, machine: Machine
) -> Record:
    """Score the stored predictions and make the record."""
    with timer.phase("score"):
        predictions = predicted.read()
        scores = planned.runner.score(planned.spec.recipe, predictions)
        files = {f"predictions-{name}": path for name, path in predicted.files.items()}
        files.update(save_sample_scores(folder, predictions["test"], scores))
    artifacts = artifacts_of(folder, files, restricted=not planned.task.shareable)
    return Record(
        **_common(planned, machine, predicted.load),
        status="ok",
        context_used=predicted.context_used,
        selection=None if predicted.selection is None else Selection(**predicted.selection),
        **score_facts(scores),
        artifacts=artifacts,
        timings={**predicted.timings, **timer.seconds},
        peak_memory=peak_memory(machine.device),
        warnings=[
            *contradictions(planned.model, planned.weights),
            *_leak_warnings(planned),
            *predicted.warnings,
            *subgroup_warnings(scores),
        ],
    )


def failure(planned: PlannedRun, error: Exception, timer: Timer, machine: Machine) -> Record:
    """The record of a run that raised.

    What an error says may name a file, an image or a patient: of data whose ids stay here the
    record keeps its type alone.
    """
    if not planned.task.shareable:
        told = Failure(
            type=type(error).__name__,
            message="the run failed",
            why="what the error says may hold ids of restricted data, so it is not kept here",
            fix="see the traceback beside the record, which stays on this machine",
        )
    elif isinstance(error, CxrbenchError):
        told = Failure(type=type(error).__name__, message=error.what, why=error.why, fix=error.fix)
    else:
        lines = str(error).strip().splitlines()
        told = Failure(
            type=type(error).__name__,
            message=lines[0] if lines else type(error).__name__,
            why="an unexpected error; the traceback is beside the record",
            fix="see `--debug`; if it is a bug, report it with the traceback",
        )
    return Record(
        **_common(planned, machine, LoadReport(0, 0)),
        status="failed",
        timings=timer.seconds,
        error=told,
    )


def score_facts(scores: Scores) -> dict[str, Any]:
    """The fields of the record that hold scores."""
    return {
        "metrics": _metric_facts(scores.metrics),
        "floors": _floors(scores.metrics),
        "subgroups": {name: _metric_facts(part) for name, part in scores.subgroups.items()},
        "subgroup_floors": {name: _floors(part) for name, part in scores.subgroups.items()},
        "conditions": {name: _metric_facts(part) for name, part in scores.conditions.items()},
    }


def subgroup_warnings(scores: Scores) -> list[str]:
    """What a reader should know of subgroups that are not in the record; at most a line."""
    if not scores.small_subgroups:
        return []
    return [f"{_SMALL_SUBGROUPS}{FEWEST_PATIENTS} patients are left out: {scores.small_subgroups}"]


def renewed_warnings(warnings: Sequence[str], scores: Scores) -> list[str]:
    """The warnings of a record that is scored again."""
    kept = [line for line in warnings if not line.startswith(_SMALL_SUBGROUPS)]
    return [*kept, *subgroup_warnings(scores)]


def artifacts_of(
    folder: Path, files: Mapping[str, Path], *, restricted: bool
) -> dict[str, Artifact]:
    """How a record names the files beside it."""
    return {
        name: Artifact(
            path=path.relative_to(folder).as_posix(),
            sha256=sha256_file(path),
            restricted=restricted,
        )
        for name, path in files.items()
    }


def save_sample_scores(folder: Path, test: Predictions, scores: Scores) -> dict[str, Path]:
    """Write what the metrics say of each test sample; returns the file by its name, if any."""
    if not scores.per_sample:
        return {}
    path = folder / "scores-test.parquet"
    write_sample_scores(path, test.samples, scores.per_sample)
    return {"scores-test": path}


def _floors(scored: Scored) -> dict[str, float | None]:
    return {name: value.floor for name, value in scored.items()}


def _metric_facts(scored: Scored) -> dict[str, MetricFacts]:
    """Scores as the record keeps them; the floor has a place of its own there."""
    version = metadata.version("cxrbench")
    return {
        name: MetricFacts(
            **value.model_dump(exclude={"floor", "impl"}), impl=f"cxrbench {version} {value.impl}"
        )
        for name, value in scored.items()
    }


def _common(planned: PlannedRun, machine: Machine, load: LoadReport) -> dict[str, Any]:
    """What every record holds."""
    provider = planned.provider
    return {
        "run_id": planned.spec.run_id,
        "spec": planned.spec,
        "task_type": planned.task.type,
        "main_metric": planned.task.main_metric_of(planned.spec.protocol),
        "overlaps": _overlaps(planned),
        "dataset": _dataset_facts(planned),
        "weights": WeightsFacts(
            source=planned.weights.source,
            sha256={file.entry.name: file.sha256 for file in planned.weights.files},
            matched=load.matched,
            total=load.total,
            by_order=load.by_order,
            phantom=saw_phantoms(planned.weights),
        ),
        "provenance": collect(
            {"distribution": provider.distribution, "version": provider.version},
            gpu_name(machine.device),
        ),
    }


def _dataset_facts(planned: PlannedRun) -> DatasetFacts:
    data, card = planned.data, planned.task.dataset
    return DatasetFacts(
        name=card.name,
        title=card.title,
        release=card.release,
        layout=data.layout,
        kind=data.kind,
        leaks=data.leaks,
        splits={
            name: SplitFacts(
                sha256=split.sha256,
                n=len(split),
                patients=split.patients,
                official=split.official,
                positives=dict(zip(data.labels, split.counts.tolist(), strict=True)),
            )
            for name, split in data.splits.items()
        },
    )


def _leak_warnings(planned: PlannedRun) -> list[str]:
    return [
        f"leak: {count} image(s) of {where}, because {planned.spec.protocol} looks images up by "
        f"{planned.spec.recipe.get('lookup', BY_ID)}"
        for where, count in planned.data.leaks.items()
    ]


def _overlaps(planned: PlannedRun) -> list[str]:
    """Data sets that share images with the task's and that the weights were trained on."""
    if not planned.weights.trained:
        return []
    return planned.task.overlaps_with(planned.model)
