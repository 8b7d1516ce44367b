"""Running a plan on this machine, one run after the other."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from cxrbench.atomic import write_text
from cxrbench.building import verify
from cxrbench.errors import RunBusyError
from cxrbench.execution import facts
from cxrbench.execution.plan import PlannedRun
from cxrbench.execution.stages import Predicted, load_predicted, save_predicted
from cxrbench.hashing import sha256_text
from cxrbench.results.record import Record
from cxrbench.results.store import Store
from cxrbench.runners.base import Job, Machine
from cxrbench.timing import Timer
from cxrbench.training.processes import is_helper

TRACEBACK = "traceback.txt"
_SUPERSEDING = "superseding.txt"


def verify_weights(plan: Iterable[PlannedRun]) -> None:
    """Check once for all weights of every model that they fit, before the first run starts.

    Raises:
        WeightsError: When they do not.
    """
    each = {(p.spec.model, *p.weights.digest.items()): p for p in plan}
    for planned in each.values():
        if planned.weights.loads:
            verify(planned.model, planned.weights)


def run_plan(
    plan: list[PlannedRun], store: Store, machine: Machine
) -> Iterator[Record | RunBusyError]:
    """Run what is to be run and yield each record as soon as it is written.

    A run that another process holds is passed over; its error is yielded in place of a record.
    """
    for planned in plan:
        if planned.state == "to run":
            try:
                yield run_one(planned, store, machine)
            except RunBusyError as error:
                yield error


def run_one(planned: PlannedRun, store: Store, machine: Machine) -> Record:
    """Run one spec and write its record; a failure is a record too.

    The record is written last. What a killed attempt left in the run's folder is used: features
    and prepared images, the training up to its last checkpoint, finished predictions.

    Raises:
        RunBusyError: When another process has the run.
        SystemExit: In a process that only helps the one that has it, when training is over.
    """
    timer = Timer()
    if is_helper():
        _predict(planned, store.run_folder(planned.spec.run_id), machine, timer)
    with store.lock(planned.spec.run_id) as folder:
        if planned.record is None and (finished := store.get(planned.spec.run_id)) is not None:
            return finished  # by another process, since this one made its plan
        if planned.record is not None and planned.start_over:
            _start_over(folder, planned.record)
        (folder / TRACEBACK).unlink(missing_ok=True)
        try:
            predicted = load_predicted(folder) or _predict(planned, folder, machine, timer)
            record = facts.success(planned, predicted, folder, timer, machine)
        except Exception as error:  # whatever a plugin raises becomes a record, not a lost run
            write_text(folder / TRACEBACK, traceback.format_exc())
            record = facts.failure(planned, error, timer, machine)
        store.write(record)
        (folder / _SUPERSEDING).unlink(missing_ok=True)
    return record


def _predict(planned: PlannedRun, folder: Path, machine: Machine, timer: Timer) -> Predicted:
    job = Job(
        spec=planned.spec,
        model=planned.model,
        task=planned.task,
        weights=planned.weights,
        data=planned.data,
        machine=machine,
        folder=folder,
    )
    outcome = planned.runner.run(job, timer)
    return save_predicted(folder, outcome, timer.seconds)


def _start_over(folder: Path, finished: Record) -> None:
    """Forget the working files of a finished run; its record stays until the new one is there.

    Once only for each record: when the new attempt is killed, the next one goes on with it.
    """
    mark, digest = folder / _SUPERSEDING, sha256_text(finished.model_dump_json())
    if mark.exists() and mark.read_text() == digest:
        return
    shutil.rmtree(folder / "fit", ignore_errors=True)
    for path in folder.glob("predictions*"):
        path.unlink(missing_ok=True)
    write_text(mark, digest)
