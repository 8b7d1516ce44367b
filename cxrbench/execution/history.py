"""What finished runs tell of how long the next ones take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from cxrbench.execution.machine import gpu_name
from cxrbench.execution.plan import PlannedRun
from cxrbench.hashing import sha256_json
from cxrbench.results.record import Record
from cxrbench.results.spec import RunSpec

_Key = tuple[str, int, str, int | None, str]

_FROZEN = ("fit", "predict", "score")
_TRAINED = ("score",)


class History:
    """Seconds that runs of a task spent outside their encoder: on heads and on scoring."""

    def __init__(self, records: Iterable[Record], device: str) -> None:
        """Take the records that were made on such a device."""
        self._known: dict[_Key, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
        gpu = gpu_name(device)
        for record in records:
            if record.status == "ok" and record.provenance.gpu == gpu:
                sizes = {name: split.n for name, split in record.dataset.splits.items()}
                self._known[_key(record.spec, sizes)][record.spec.model].append(record)

    def heads(self, run: PlannedRun) -> float | None:
        """The longest that a run of the same model took, else one of any model; None: unknown.

        On the same data alone: what a phantom took says nothing of the real images. Where the
        encoder is trained, training the head is part of that, and scoring is left.
        """
        sizes = {name: len(split) for name, split in run.data.splits.items()}
        models = self._known.get(_key(run.spec, sizes), {})
        every = [record for found in models.values() for record in found]
        phases = _TRAINED if run.work.trained else _FROZEN
        seconds = [
            sum(record.timings.get(phase, 0.0) for phase in phases)
            for record in models.get(run.spec.model) or every
        ]
        return max(seconds, default=None)


def _key(spec: RunSpec, sizes: Mapping[str, int]) -> _Key:
    """What the work on heads and scoring depends on besides the model."""
    data = sha256_json([spec.data, dict(sizes)])
    return spec.task, spec.task_version, spec.protocol, spec.limit, data
