"""Scoring stored predictions again."""

from __future__ import annotations

from datetime import datetime, timezone

from cxrbench.errors import BadRequest, DataError
from cxrbench.execution.facts import (
    artifacts_of,
    renewed_warnings,
    save_sample_scores,
    score_facts,
)
from cxrbench.execution.stages import load_predicted
from cxrbench.hashing import sha256_file
from cxrbench.results.provenance import package_versions
from cxrbench.results.record import Record
from cxrbench.results.store import Store
from cxrbench.runners.base import get_runner


def rescore(store: Store, name: str) -> Record:
    """Score a run again and replace its record; all but the scores stays.

    Args:
        store: Where the run is.
        name: Its id, or what the id starts or ends with.

    Raises:
        UnknownNameError: When no run, or more than one, fits.
        BadRequest: When the run has no predictions.
        DataError: When the predictions are not those the record describes.
    """
    record = store.find(name)
    with store.lock(record.run_id) as folder:
        predicted = load_predicted(folder)
        if record.status != "ok" or predicted is None:
            raise BadRequest(
                f"{record.run_id} cannot be scored",
                why="it has no stored predictions",
                fix="run it first: --overwrite failed",
            )
        kept = {k: v for k, v in record.artifacts.items() if k.startswith("predictions-")}
        for artifact in kept.values():
            path = folder / artifact.path
            if not path.exists() or sha256_file(path) != artifact.sha256:
                problem = "has another sha256 than its record says"
                raise DataError(
                    f"the predictions of {record.run_id} were changed",
                    why=f"{artifact.path} {problem if path.exists() else 'is missing'}",
                    fix="run it again with --overwrite all",
                )
        runner = get_runner(record.task_type)
        predictions = predicted.read()
        scores = runner.score(record.spec.recipe, predictions)
        restricted = any(artifact.restricted for artifact in kept.values())
        written = save_sample_scores(folder, predictions["test"], scores)
        versions = {**record.provenance.versions, **package_versions()}
        renewed = record.model_copy(
            update={
                **score_facts(scores),
                "warnings": renewed_warnings(record.warnings, scores),
                "artifacts": {**kept, **artifacts_of(folder, written, restricted=restricted)},
                "provenance": record.provenance.model_copy(
                    update={
                        "versions": versions,
                        "scored": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                    }
                ),
            }
        )
        store.write(renewed)
    return renewed
