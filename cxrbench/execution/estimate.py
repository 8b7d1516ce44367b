"""How long runs take at most: what they do, times what one unit of it takes on this machine."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cxrbench.data.prepared import prepared_store
from cxrbench.data.samples import Sample
from cxrbench.execution.calibrate import Kind, Rates, reason
from cxrbench.execution.history import History
from cxrbench.execution.plan import PlannedRun
from cxrbench.hashing import sha256_json
from cxrbench.image_spec import ImageSpec
from cxrbench.progress import track
from cxrbench.results.record import Record

_KINDS: tuple[Kind, ...] = ("prepared", "encoded", "trained", "texts", "pairs")
_OF_ENCODER = _KINDS[1:]

_MOST_PASSES = 2
"""How often a frozen encoder meets an image whose features are kept: with context and without."""


@dataclass(frozen=True)
class Estimate:
    """What one run takes at most, as far as it is known.

    Attributes:
        seconds: Of all that is known.
        heads: Seconds of these for heads on frozen features and for scoring; None where no
            finished run tells, and then they are not in `seconds`.
        units: By kind of work, how much is left to do.
        seconds_per: By kind of work, what one unit takes.
        unknown: Kinds of work and parts that were not measured, each with the reason where one is
            known; their time is not in `seconds`.
    """

    seconds: float
    heads: float | None = None
    units: dict[str, int] = field(default_factory=dict)
    seconds_per: dict[str, float] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all of the run is in it, so that it is a bound."""
        return not self.unknown and self.heads is not None

    @property
    def in_words(self) -> str:
        """The time as people say it."""
        return in_words(self.seconds)

    @property
    def facts(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)


def estimate(
    planned: Sequence[PlannedRun],
    device: str,
    records: Iterable[Record] = (),
    batch_size: int | None = None,
) -> list[Estimate | None]:
    """An estimate of each run; None for those that will not be run.

    Images that are prepared are not counted, and neither is what an earlier run of the same plan
    does for a later one: images of one geometry are prepared once, and an encoder that is not
    trained encodes each image once. Features kept from other commands are not looked for.

    Args:
        planned: The plan.
        device: A torch device.
        records: Finished runs, which tell how long heads and scoring take.
        batch_size: Images at once at most.
    """
    rates, shared, history = Rates(device, batch_size), _Shared(), History(records, device)
    specs = _measured(planned, rates)
    found: list[Estimate | None] = []
    for run in track(planned, "estimating"):
        spec = specs.get(run.spec.run_id, "")
        if run.state == "to run":
            if isinstance(spec, str):
                found.append(_nothing(run, spec))
            else:
                found.append(_one(run, spec, rates, shared, history))
            continue
        if run.state == "done" and isinstance(spec, ImageSpec):
            shared.done(run, spec)
        found.append(None)
    return found


def _measured(planned: Sequence[PlannedRun], rates: Rates) -> dict[str, ImageSpec | str]:
    """Measure every encoder, one after the other, and return the preprocessing of every run.

    So each is built once, and a single one is in memory. In place of a preprocessing that only an
    encoder tells which cannot be built stands the reason.
    """
    by_encoder: dict[str, list[PlannedRun]] = defaultdict(list)
    for run in planned:
        if run.state in ("to run", "done"):
            by_encoder[run.spec.encoder].append(run)
    specs: dict[str, ImageSpec | str] = {}
    for run in (run for runs in by_encoder.values() for run in runs):
        try:
            spec = spec_of(run, rates)
        except Exception as error:  # whatever a plugin raises
            specs[run.spec.run_id] = reason(error)
            continue
        specs[run.spec.run_id] = spec
        for kind in _OF_ENCODER if run.state == "to run" else ():
            if getattr(run.work, kind):
                rates.seconds(kind, run, spec)
    return specs


class _Shared:
    """What the runs of a plan do for each other."""

    def __init__(self) -> None:
        self._ready: dict[str, set[str]] = defaultdict(set)
        self._encoded: dict[str, set[str]] = defaultdict(set)

    def unprepared(self, run: PlannedRun, spec: ImageSpec) -> int:
        """Images that are not prepared yet, nor by an earlier run of the plan."""
        store = prepared_store(run.task.dataset, run.data, spec)
        key, wanted = str(store.folder), _samples(run)
        left = [sample for sample in wanted if sample.id not in self._ready[key]]
        missing = len(store.missing([s.id for s in left], [s.stamp for s in left]))
        self._ready[key].update(sample.id for sample in wanted)
        return missing

    def done(self, run: PlannedRun, spec: ImageSpec) -> None:
        """Take what a finished run left for the others, unless the cache was emptied since."""
        if not self.unprepared(run, spec):
            self.fresh(run, spec)

    def fresh(self, run: PlannedRun, spec: ImageSpec) -> float:
        """The share of a run's images that no earlier run of the plan encodes the same way."""
        if run.work.trained or run.work.encoded > _MOST_PASSES * run.work.prepared:
            return 1.0  # encoders that are trained, or see images changed: nothing is kept
        seed = run.spec.seed if run.weights.source == "random" else None
        key = sha256_json(
            [
                run.spec.encoder,
                run.weights.digest,
                seed,
                spec.model_dump(mode="json"),
                run.spec.precision,
                run.spec.recipe.get("context"),
                run.task.type,
                str(run.data.root),
            ]
        )
        wanted, known = {sample.id for sample in _samples(run)}, self._encoded[key]
        share = len(wanted - known) / len(wanted) if wanted else 0.0
        known |= wanted
        return share


def _nothing(run: PlannedRun, why: str) -> Estimate:
    """The estimate of a run of which nothing can be measured."""
    units = {str(kind): getattr(run.work, kind) for kind in _KINDS if getattr(run.work, kind)}
    return Estimate(0.0, units=units, unknown=dict.fromkeys((*units, *run.work.untimed), why))


def _one(
    run: PlannedRun, spec: ImageSpec, rates: Rates, shared: _Shared, history: History
) -> Estimate:
    fresh = shared.fresh(run, spec)
    units: dict[Kind, int] = {
        "prepared": min(run.work.prepared, shared.unprepared(run, spec)),
        "encoded": round(run.work.encoded * fresh),
        "trained": run.work.trained,
        "texts": round(run.work.texts * fresh),
        "pairs": round(run.work.pairs * fresh),
    }
    needed = [kind for kind in _KINDS if units[kind]]
    per = {kind: rates.seconds(kind, run, spec) for kind in needed}
    known = {kind: seconds for kind, seconds in per.items() if seconds is not None}
    heads = history.heads(run)
    return Estimate(
        seconds=sum(units[kind] * seconds for kind, seconds in known.items()) + (heads or 0.0),
        heads=heads,
        units={str(kind): units[kind] for kind in needed},
        seconds_per={str(kind): seconds for kind, seconds in known.items()},
        unknown={
            **{kind: rates.why_not(kind, run, spec) for kind in needed if kind not in known},
            **dict.fromkeys(run.work.untimed, ""),
        },
    )


def spec_of(run: PlannedRun, rates: Rates) -> ImageSpec:
    """The preprocessing of a run."""
    asked = run.spec.recipe.get("preprocessing")
    if isinstance(asked, dict):
        return ImageSpec.model_validate(asked)
    if run.model.preprocessing is not None:
        return run.model.preprocessing
    return rates.native_spec(run)


def _samples(run: PlannedRun) -> list[Sample]:
    return [sample for split in run.data.splits.values() for sample in split.samples]


def in_words(seconds: float) -> str:
    """A duration as people say it, rounded up: `40 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    whole = max(1, math.ceil(seconds))
    minutes, hours = math.ceil(whole / 60), math.ceil(whole / 3600)
    if whole < 60:
        return f"{whole} s"
    if minutes <= 10:
        return _two(whole, "min", "s")
    if minutes < 60:
        return f"{minutes} min"
    return _two(minutes, "h", "min") if hours <= 24 else _two(hours, "d", "h", each=24)


def _two(count: int, big: str, small: str, *, each: int = 60) -> str:
    whole, rest = divmod(count, each)
    return f"{whole} {big} {rest} {small}" if rest else f"{whole} {big}"
