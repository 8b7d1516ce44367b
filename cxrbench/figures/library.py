"""The stored predictions of runs, for figures that are drawn from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cxrbench.errors import BadRequest
from cxrbench.execution.stored import prediction_artifacts, stored_predictions
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.predictions import LabelScores
from cxrbench.results.record import Record
from cxrbench.results.store import Store

TEST = "test"


class Scored(NamedTuple):
    """Label scores of a split.

    Attributes:
        data: N samples.
        patients: N patients.
    """

    data: ClassificationInput
    patients: list[str]


class Library:
    """Label scores of the test split, by run."""

    def __init__(self, store: Store) -> None:
        """Read from the runs of a store."""
        self._store = store

    def holds(self, record: Record) -> bool:
        """Whether a run has predictions here; one that others shared has not."""
        return self.sha256(record) is not None

    def sha256(self, record: Record) -> str | None:
        """What its record says of its predictions; None where there are none."""
        own = self._own(record)
        artifact = prediction_artifacts(own).get(f"predictions-{TEST}") if own else None
        if own is None or artifact is None:
            return None
        path = self._store.run_folder(own.run_id) / artifact.path
        return artifact.sha256 if path.exists() else None

    def scored(self, record: Record) -> Scored:
        """Scores, labels and patients of the test split.

        Raises:
            BadRequest: When the run has no scores of labels.
            DataError: When the predictions were changed.
        """
        own = self._own(record) or record
        found = stored_predictions(self._store.run_folder(own.run_id), own)[TEST]
        if not isinstance(found, LabelScores):
            raise BadRequest(
                f"{record.run_id} has no scores of labels",
                why=f"its predictions are {type(found).__name__}",
                fix="draw other kinds of figures of it",
            )
        data = ClassificationInput(found.scores, found.labels.astype(np.float64), found.names)
        return Scored(data, [sample.patient for sample in found.samples])

    def _own(self, record: Record) -> Record | None:
        # The shared copy of a record does not name its files.
        return record if record.artifacts else self._store.get(record.run_id)
