"""Seconds that one image or text takes on this machine: measured once, then remembered."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cxrbench.atomic import write_text
from cxrbench.data.decoding import decode, decoding_pool
from cxrbench.execution.plan import PlannedRun
from cxrbench.hashing import sha256_json
from cxrbench.image_spec import ImageSpec
from cxrbench.paths import cache_dir

if TYPE_CHECKING:
    from cxrbench.execution.trial_work import Workbench

Kind = Literal["prepared", "encoded", "trained", "texts", "pairs"]

_VERSION = 2
_SECONDS = 1.0
_MOST = 8
_REASON_LENGTH = 100
_DECODED = 8
_SENTENCE = "There is a small opacity in the lower zone, and the heart is of normal size."


@dataclass(frozen=True)
class Rates:
    """Measures what one unit of a kind of work takes, and keeps it in the cache.

    An encoder is measured with random weights on noise, for about a second a kind; decoding on a
    handful of the task's own images. What is kept holds for this processor, device and torch.

    Attributes:
        device: A torch device.
        batch_size: Images at once at most, as `--batch-size` says; never more than eight.
    """

    device: str
    batch_size: int | None = None
    _bench: list[Workbench] = field(default_factory=list, repr=False)
    _failed: dict[str, str] = field(default_factory=dict, repr=False)

    def seconds(self, kind: Kind, planned: PlannedRun, spec: ImageSpec) -> float | None:
        """Seconds a unit; None where it cannot be measured, as texts without their tokenizer."""
        memory = self._memory()
        key = self._key(kind, planned, spec)
        if key in self._failed:
            return None
        known: dict[str, float] = {}
        with suppress(OSError, ValueError):
            known = json.loads(memory.read_text(encoding="utf-8"))
        if key not in known:
            try:
                measured = self._measure(kind, planned, spec)
            except Exception as error:  # memory that is not there, whatever a plugin raises
                self._release()
                self._failed[key] = reason(error)
                return None
            if measured is None:
                self._failed[key] = ""
                return None
            known[key] = measured
            write_text(memory, json.dumps(known, indent=1))
        return known[key]

    def why_not(self, kind: Kind, planned: PlannedRun, spec: ImageSpec) -> str:
        """What went wrong when the kind was measured; empty where nothing is known of it."""
        return self._failed.get(self._key(kind, planned, spec), "")

    def native_spec(self, planned: PlannedRun) -> ImageSpec:
        """The preprocessing of an encoder whose card does not tell it."""
        return self._workbench().encoder(planned).image_spec

    def _workbench(self) -> Workbench:
        if not self._bench:
            from cxrbench.execution.trial_work import Workbench  # imports torch

            self._bench.append(Workbench())
        return self._bench[0]

    def _release(self) -> None:
        """Give back what a measurement that failed may still hold."""
        for bench in self._bench:
            bench.clear()
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()

    @property
    def _at_once(self) -> int:
        return min(_MOST, self.batch_size or _MOST)

    def _key(self, kind: Kind, planned: PlannedRun, spec: ImageSpec) -> str:
        return sha256_json(self._what(kind, planned, spec))[:24]

    def _memory(self) -> Path:
        return cache_dir() / "rates" / f"{sha256_json(self.machine)[:16]}.json"

    @property
    def machine(self) -> dict[str, Any]:
        """What a rate depends on besides the work."""
        from cxrbench.execution.machine import gpu_name

        return {
            "version": _VERSION,
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
            "device": self.device,
            "gpu": gpu_name(self.device),
            "torch": metadata.version("torch"),
        }

    def _what(self, kind: Kind, planned: PlannedRun, spec: ImageSpec) -> dict[str, Any]:
        if kind == "prepared":
            return {"kind": kind, "root": str(planned.data.root), "geometry": spec.geometry}
        return {
            "kind": kind,
            "encoder": planned.spec.encoder,
            "size": spec.size,
            "precision": planned.spec.precision,
            "context": _tells_context(planned),
            "at_once": self._at_once,
        }

    def _measure(self, kind: Kind, planned: PlannedRun, spec: ImageSpec) -> float | None:
        if kind == "prepared":
            return _decoding(planned, spec)
        from cxrbench.execution.trial_work import work_on

        work = work_on(self._workbench(), kind, planned, spec, self.device, _SENTENCE)
        return None if work is None else _timed(work, self._at_once)


def _decoding(planned: PlannedRun, spec: ImageSpec) -> float | None:
    samples = next((s.samples for s in reversed(list(planned.data.splits.values())) if len(s)), ())
    if not samples:
        return None
    paths = [s.image for s in samples[:: max(1, len(samples) // _DECODED)]][:_DECODED]
    with decoding_pool(paths) as pool:
        start = time.perf_counter()
        list(pool.map(decode, paths, [[spec]] * len(paths)))
        return (time.perf_counter() - start) / len(paths)


def _timed(work: Callable[[int], None], most: int) -> float:
    """Seconds a unit, from as many as about a second allows; the first call warms up."""
    few = min(2, most)
    work(few)
    start = time.perf_counter()
    work(few)
    single = (time.perf_counter() - start) / few
    many = max(few, min(most, int(_SECONDS / max(single, 1e-6) / 2)))
    start = time.perf_counter()
    work(many)
    return (time.perf_counter() - start) / many


def reason(error: Exception) -> str:
    """An error in one short line."""
    lines = str(error).strip().splitlines()
    told = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return told if len(told) <= _REASON_LENGTH else f"{told[:_REASON_LENGTH]}…"


def _tells_context(planned: PlannedRun) -> bool:
    return bool(planned.spec.recipe.get("context")) and "context" in planned.model.capabilities


def _processor() -> str:
    """Name of the processor; that of its kind where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
