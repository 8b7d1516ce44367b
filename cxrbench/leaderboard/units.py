"""Numbers as pages show them: fractions in percent, everything else as it is, with its unit."""

from __future__ import annotations

from collections.abc import Iterable

from cxrbench.results.record import MetricFacts, Record

FRACTION = "fraction"
_PERCENT = 100.0


def scale(unit: str) -> float:
    """What a value of this unit is multiplied with to be shown."""
    return _PERCENT if unit == FRACTION else 1.0


def number(value: float, unit: str, digits: int = 1) -> str:
    """A value as it is shown, without its unit."""
    return f"{value * scale(unit):.{digits}f}"


def unit_of(records: Iterable[Record], metric: str) -> str:
    """The unit of a metric; a fraction where no record has it."""
    return next((r.metrics[metric].unit for r in records if metric in r.metrics), FRACTION)


def interval(facts: MetricFacts, digits: int = 1) -> str | None:
    """The 95 % interval of a metric in words; None where there is none."""
    if facts.ci95 is None:
        return None
    low, high = facts.ci95
    return f"{number(low, facts.unit, digits)} to {number(high, facts.unit, digits)}"


def heading(metric: str, unit: str, *, higher_is_better: bool = True) -> str:
    """A metric over its column: with its unit where that is not percent, ↓ where low is good."""
    named = metric if unit == FRACTION else f"{metric} ({unit})"
    return named if higher_is_better else f"{named} ↓"
