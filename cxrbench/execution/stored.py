"""The predictions of a finished run, as its record describes them."""

from __future__ import annotations

from pathlib import Path

from cxrbench.errors import BadRequest, DataError
from cxrbench.execution.stages import load_predicted
from cxrbench.hashing import sha256_file
from cxrbench.predictions import Predictions
from cxrbench.results.record import Artifact, Record


def prediction_artifacts(record: Record) -> dict[str, Artifact]:
    """The artifacts of a run that hold predictions, by name."""
    return {k: v for k, v in record.artifacts.items() if k.startswith("predictions-")}


def stored_predictions(folder: Path, record: Record) -> dict[str, Predictions]:
    """Read the predictions of a run, after their hashes were checked.

    Args:
        folder: Of the run.
        record: Its record.

    Raises:
        BadRequest: When the run has no predictions.
        DataError: When they are not those the record describes.
    """
    predicted = load_predicted(folder)
    if record.status != "ok" or predicted is None:
        raise BadRequest(
            f"{record.run_id} cannot be scored",
            why="it has no stored predictions",
            fix="run it first: --overwrite failed",
        )
    for artifact in prediction_artifacts(record).values():
        path = folder / artifact.path
        if not path.exists() or sha256_file(path) != artifact.sha256:
            problem = "has another sha256 than its record says"
            raise DataError(
                f"the predictions of {record.run_id} were changed",
                why=f"{artifact.path} {problem if path.exists() else 'is missing'}",
                fix="run it again with --overwrite all",
            )
    return predicted.read()
