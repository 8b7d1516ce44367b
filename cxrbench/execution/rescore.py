"""Scoring stored predictions again."""

from __future__ import annotations

from datetime import datetime, timezone

from cxrbench.execution.facts import (
    artifacts_of,
    renewed_warnings,
    save_sample_scores,
    score_facts,
)
from cxrbench.execution.stored import prediction_artifacts, stored_predictions
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
        predictions = stored_predictions(folder, record)
        kept = prediction_artifacts(record)
        runner = get_runner(record.task_type)
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
