"""What finished runs tell of how long the next ones take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cxrbench.execution.machine import gpu_name
from cxrbench.execution.plan import PlannedRun
from cxrbench.results.record import Record

_Task = tuple[str, int, str, int | None]

_FROZEN = ("fit", "predict", "score")
_TRAINED = ("score",)


class History:
    """Seconds that runs of a task spent outside their encoder: on heads and on scoring."""

    def __init__(self, records: Iterable[Record], device: str) -> None:
        """Take the records that were made on such a device."""
        self._known: dict[_Task, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
        gpu = gpu_name(device)
        for record in records:
            if record.status == "ok" and record.provenance.gpu == gpu:
                spec = record.spec
                key = spec.task, spec.task_version, spec.protocol, spec.limit
                self._known[key][spec.model].append(record)

    def heads(self, run: PlannedRun) -> float | None:
        """The longest that a run of the same model took, else one of any model; None: unknown.

        Where the encoder is trained, training the head is part of that, and scoring is left.
        """
        spec = run.spec
        models = self._known.get((spec.task, spec.task_version, spec.protocol, spec.limit), {})
        every = [record for found in models.values() for record in found]
        phases = _TRAINED if run.work.trained else _FROZEN
        seconds = [
            sum(record.timings.get(phase, 0.0) for phase in phases)
            for record in models.get(spec.model) or every
        ]
        return max(seconds, default=None)
