"""Numbers of a record that cannot be: out of range, or at odds with each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from cxrbench.errors import CxrbenchError
from cxrbench.metrics.base import Metric
from cxrbench.metrics.registry import get_metric
from cxrbench.metrics.subgroups import FEWEST_PATIENTS
from cxrbench.results.record import MetricFacts, Record
from cxrbench.results.submission.findings import Finding
from cxrbench.results.submission.texts import named

_ROUNDING = 1e-9
_FARTHEST = 1.0
"""How far a value may lie outside its percentile interval, in widths of it.

The bootstrap moves metrics that are biased in small samples: the calibration error grows with every
resample, and the mean of rare labels stands on those replicates that have them all. On the phantoms
15 of some 6,000 values lay outside, the farthest by 0.09 widths."""
_AGAIN = "records are never edited: pack the record of the run as it is"
_Scored = Mapping[str, MetricFacts]


def impossible_numbers(record: Record) -> Iterator[Finding]:
    """What cannot be true of the metrics, floors and counts of a record."""
    test = record.dataset.splits.get("test")
    most = test.n if test is not None else 0
    for name, split in record.dataset.splits.items():
        counts = (split.n, split.patients, *split.positives.values())
        if not 0 < split.patients <= split.n or min(counts) < 0 or max(counts) > split.n:
            yield Finding(
                f"dataset.splits.{named(name)}", "its counts contradict each other", _AGAIN
            )
    for place, scored, floors in _parts(record):
        for metric_id, facts in scored.items():
            where = f"{place}.{named(metric_id)}"
            metric = _metric(metric_id)
            if metric is None:
                yield Finding(
                    where,
                    "no metric of that id is known here",
                    "metrics of plugins cannot be checked: score without them",
                )
                continue
            yield from _value(where, facts, metric, most)
            yield from _floor(where, floors.get(metric_id), metric)
        unknown = sorted(set(floors) - set(scored))
        if unknown:
            yield Finding(place, f"floors without a metric: {len(unknown)}", _AGAIN)
    for name, scored in record.subgroups.items():
        if max((facts.n for facts in scored.values()), default=0) < FEWEST_PATIENTS:
            yield Finding(
                f"subgroups.{named(name)}",
                f"fewer than {FEWEST_PATIENTS} images stand behind it",
                "score the run again with `cxrbench score`: small subgroups are left out now",
            )
    chosen = record.selection
    if chosen is not None and chosen.value is not None and not math.isfinite(chosen.value):
        yield Finding("selection.value", "it is no number", _AGAIN)
    spent = {**record.timings, **record.peak_memory}
    if not all(math.isfinite(value) and value >= 0 for value in spent.values()):
        yield Finding("timings", "a time or an amount of memory that cannot be", _AGAIN)


def _parts(record: Record) -> Iterator[tuple[str, _Scored, Mapping[str, float | None]]]:
    """Everything scored, with its place and its floors."""
    yield "metrics", record.metrics, record.floors
    for name, scored in record.subgroups.items():
        yield f"subgroups.{named(name)}", scored, record.subgroup_floors.get(name, {})
    for name, scored in record.conditions.items():
        yield f"conditions.{named(name)}", scored, {}


def _metric(metric_id: str) -> Metric | None:
    try:
        return get_metric(metric_id)
    except CxrbenchError:
        return None


def _value(where: str, facts: MetricFacts, metric: Metric, most: int) -> Iterator[Finding]:
    if (facts.unit, facts.higher_is_better) != (metric.unit, metric.higher_is_better):
        yield Finding(where, "its unit or direction is not that of the metric", _AGAIN)
    low, high = metric.range
    intervals = [facts.ci95, *facts.ci95_per_class.values()]
    values = [facts.value, *(facts.per_class or {}).values()]
    numbers = [*values, *(bound for pair in intervals if pair is not None for bound in pair)]
    if not all(n is None or _within(n, low, high) for n in numbers):
        yield Finding(where, f"a number outside of {low:g} to {high:g}", _AGAIN)
        return
    if any(pair is not None and pair[0] > pair[1] for pair in intervals):
        yield Finding(where, "an interval ends before it begins", _AGAIN)
    elif facts.value is not None and facts.ci95 is not None:
        yield from _near(where, facts.value, facts.ci95)
    if facts.value is not None and facts.n <= 0:
        yield Finding(f"{where}.n", "a value without samples", _AGAIN)
    if max(facts.n, *facts.n_per_class.values(), 0) > most or facts.n < 0:
        yield Finding(f"{where}.n", f"more samples than the {most:,} of the test split", _AGAIN)
    yield from _mean(where, facts, metric)


def _within(number: float, low: float, high: float) -> bool:
    return math.isfinite(number) and low - _ROUNDING <= number <= high + _ROUNDING


def _near(where: str, value: float, interval: tuple[float, float]) -> Iterator[Finding]:
    low, high = interval
    outside = max(low - value, value - high)
    if outside > _FARTHEST * (high - low) + _ROUNDING:
        yield Finding(f"{where}.ci95", "the interval lies far from the value", _AGAIN)


def _mean(where: str, facts: MetricFacts, metric: Metric) -> Iterator[Finding]:
    """A metric that averages labels or classes is what they give."""
    if not facts.per_class:
        return
    each = np.array([[np.nan if v is None else v for v in facts.per_class.values()]])
    mean = float(metric.aggregate(each)[0])
    told = math.nan if facts.value is None else facts.value
    if not math.isclose(mean, told, rel_tol=_ROUNDING, abs_tol=_ROUNDING) and not (
        math.isnan(mean) and math.isnan(told)
    ):
        yield Finding(where, "the value is not the mean of its classes", _AGAIN)


def _floor(where: str, floor: float | None, metric: Metric) -> Iterator[Finding]:
    low, high = metric.range
    if floor is not None and not _within(floor, low, high):
        yield Finding(where, f"a floor outside of {low:g} to {high:g}", _AGAIN)
