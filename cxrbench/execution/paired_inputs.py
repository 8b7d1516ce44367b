"""What two models' metrics are computed from: stored predictions of the very same samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrbench.errors import BadRequest, DataError
from cxrbench.execution.stored import prediction_artifacts, stored_predictions
from cxrbench.metrics.base import MetricInput
from cxrbench.metrics.paired import Pair
from cxrbench.metrics.ranking import IntArray
from cxrbench.metrics.registry import get_metric
from cxrbench.metrics.subgroups import FEWEST_PATIENTS
from cxrbench.predictions import LabelScores, Masks, Predictions, Texts
from cxrbench.results.record import Record
from cxrbench.results.store import Store
from cxrbench.runners.base import get_runner

SPLIT = "test"


class PairedInputs:
    """What the metrics of runs are computed from, read once for runs of equal predictions.

    Attributes:
        notes: What a reader has to know.
    """

    def __init__(self, store: Store, metric_ids: Sequence[str]) -> None:
        self.notes: list[str] = []
        self._store = store
        self._metrics = list(metric_ids)
        self._first: Predictions | None = None
        self._read: dict[tuple[str, ...], MetricInput] = {}

    @property
    def patients(self) -> list[str]:
        """Patient of each sample."""
        return [] if self._first is None else [sample.patient for sample in self._first.samples]

    def pair(self, first: Record, second: Record) -> Pair:
        """The inputs of two runs, whose samples are those of all others, in the same order.

        Raises:
            BadRequest: When a run has no predictions.
            DataError: When predictions were changed, or are of other samples.
        """
        return self._of(first), self._of(second)

    def _of(self, record: Record) -> MetricInput:
        # A model that the seed changes nothing of is read, and drawn, once.
        files = prediction_artifacts(record)
        key = (record.spec.group_id, *(files[name].sha256 for name in sorted(files)))
        if key not in self._read or not files:
            predictions = stored_predictions(self._store.run_folder(record.run_id), record)
            test = predictions[SPLIT]
            if self._first is None:
                self._first = test
            recipe = {**record.spec.recipe, "metrics": self._metrics}
            data = get_runner(record.task_type).metric_input(recipe, predictions)
            order = same_samples(self._first, test, record.run_id)
            self._check_masks(test)
            self._check_labels(test)
            self._read[key] = data if order is None else data.take(order)
        return self._read[key]

    def _check_labels(self, test: Predictions) -> None:
        """Tell of labels that too few patients have."""
        if not isinstance(test, LabelScores):
            return
        patients = np.array([sample.patient for sample in test.samples])
        counts = [len(set(patients[column == 1])) for column in test.labels.T]
        few = sum(0 < count < FEWEST_PATIENTS for count in counts)
        if few:
            self._tell(
                f"{few} of {len(counts)} labels are positive in fewer than {FEWEST_PATIENTS} "
                "patients: bootstrap intervals are too narrow there, the p of randomisation holds"
            )

    def _tell(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _check_masks(self, test: Predictions) -> None:
        """Refuse distances in pixels of another size.

        Raises:
            BadRequest: When a metric counts pixels that are not equally large in all runs.
        """
        first = self._first
        if not isinstance(first, Masks) or not isinstance(test, Masks):
            return
        if sorted(first.shapes) == sorted(test.shapes):
            return
        for metric_id in self._metrics:
            if get_metric(metric_id).unit == "pixels":
                raise BadRequest(
                    f"{metric_id} cannot be compared",
                    why="it counts pixels, and the models' masks have other sizes",
                    fix="compare a metric that is a fraction, such as a Dice coefficient",
                )
        self._tell("masks are compared at each model's own size")


def same_samples(first: Predictions, other: Predictions, name: str) -> IntArray | None:
    """Rows of the other predictions in the order of the first ones; None where it is the same.

    Args:
        first: Predictions.
        other: Predictions that are said to be of the same samples.
        name: What the other ones are called.

    Raises:
        DataError: When ids, patients, labels or what was to be predicted differ. Ids are not told,
            since those of credentialed data stay in their files.
    """
    ids, others = ([sample.id for sample in side.samples] for side in (first, other))
    place = {sample: row for row, sample in enumerate(others)}
    common = sum(sample in place for sample in ids)
    if common != len(ids) or len(place) != len(ids) or len(others) != len(place):
        raise _different(
            name, f"{len(ids):,} samples against {len(others):,}, of which {common:,} are in both"
        )
    rows = np.array([place[sample] for sample in ids], dtype=np.intp)
    patients = [other.samples[row].patient for row in rows]
    if first.names != other.names:
        raise _different(name, "the labels have other names")
    if patients != [sample.patient for sample in first.samples]:
        raise _different(name, "the same images are of other patients")
    if not np.array_equal(first.labels, other.labels[rows], equal_nan=True):
        changed = (~np.isclose(first.labels, other.labels[rows], equal_nan=True)).any(axis=1)
        raise _different(name, f"{int(changed.sum()):,} of {len(ids):,} images have other labels")
    if isinstance(first, Texts) and isinstance(other, Texts):
        differ = sum(other.references[r] != t for r, t in zip(rows, first.references, strict=True))
        if differ:
            raise _different(name, f"{differ:,} of {len(ids):,} images have another reference")
    return None if np.array_equal(rows, np.arange(len(rows))) else rows


def _different(name: str, why: str) -> DataError:
    return DataError(
        f"the predictions of {name} are not of the same samples as those they are compared with",
        why=why,
        fix="run both models on the same data with the same version of the task",
    )
