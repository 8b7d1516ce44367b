"""The stage between predicting and scoring: predictions on disk, marked complete at the end."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrbench.atomic import write_text
from cxrbench.predictions import Predictions
from cxrbench.results.predictions import read_predictions, write_predictions
from cxrbench.runners.base import Outcome
from cxrbench.weights.report import LoadReport

_MARK = "predictions.json"


@dataclass(frozen=True)
class Predicted:
    """A finished prediction stage.

    Attributes:
        files: Parquet file of each set of predictions.
        selection: How the model was chosen; None where nothing was.
        load: How the weights matched.
        context_used: Whether the encoder was told the clinical context.
        warnings: What a reader of the record should know.
        timings: Seconds by phase up to here.
    """

    files: dict[str, Path]
    selection: dict[str, Any] | None
    load: LoadReport
    context_used: bool
    warnings: list[str]
    timings: dict[str, float]

    def read(self) -> dict[str, Predictions]:
        """The predictions as they are on disk, so that scoring again gives the same numbers."""
        return {name: read_predictions(path) for name, path in self.files.items()}


def predictions_path(folder: Path, name: str) -> Path:
    """Where predictions of a name are kept in the folder of a run."""
    return folder / f"predictions-{name}.parquet"


def save_predicted(folder: Path, outcome: Outcome, timings: dict[str, float]) -> Predicted:
    """Write the predictions, then the mark that says they are complete."""
    files = {name: predictions_path(folder, name) for name in outcome.predictions}
    for name, path in files.items():
        write_predictions(path, outcome.predictions[name])
    fields = {
        "names": list(files),
        "selection": outcome.selection,
        "load": dataclasses.asdict(outcome.load),
        "context_used": outcome.context_used,
        "warnings": outcome.warnings,
        "timings": timings,
    }
    write_text(folder / _MARK, json.dumps(fields))
    return _from_fields(folder, fields)


def load_predicted(folder: Path) -> Predicted | None:
    """The finished stage of a run, or None when it has to be run."""
    mark = folder / _MARK
    return _from_fields(folder, json.loads(mark.read_text())) if mark.exists() else None


def _from_fields(folder: Path, fields: dict[str, Any]) -> Predicted:
    names = fields.get("names") or fields["splits"]  # as the mark called them at first
    return Predicted(
        files={name: predictions_path(folder, name) for name in names},
        selection=fields["selection"],
        load=LoadReport(**fields["load"]),
        context_used=fields["context_used"],
        warnings=fields["warnings"],
        timings=fields["timings"],
    )
