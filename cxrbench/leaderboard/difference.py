"""Two models compared, in words: a sentence a reader can quote, and cells of a table."""

from __future__ import annotations

from collections.abc import Sequence

from cxrbench.leaderboard.units import FRACTION, number, scale
from cxrbench.results.comparison import ModelComparison, tested

LEVEL = 0.05
"""Below it, after Holm's adjustment, a difference is said to be shown."""

_NONE = "–"
_FINE = 0.1
_SMALLEST = 0.0005


def favours(comparison: ModelComparison) -> int:
    """1 where the first model is better beyond chance, -1 where the second is, else 0."""
    found = comparison.found
    if found.difference is None or found.p_holm is None or found.p_holm > LEVEL:
        return 0
    better = found.difference > 0 if found.higher_is_better else found.difference < 0
    return 1 if better else -1


def sentence(comparison: ModelComparison, family: int = 1) -> str:
    """What was found, in words that can be quoted by themselves.

    Args:
        comparison: What was found.
        family: Tests that Holm's adjustment is over.
    """
    c, found = comparison, comparison.found
    where = f"On {c.dataset} ({c.task} under {c.protocol}, {_sample(c)})"
    if found.difference is None:
        said = f"{where}, {c.first.name} and {c.second.name} cannot be compared by {c.metric}"
        return f"{said}: {found.reason}."
    seeds = f"mean of {len(c.seeds)} seeds" if len(c.seeds) > 1 else "one seed"
    said = f"{where}, {c.first.name}'s {c.metric} ({seeds}) is {_gap(c)} {c.second.name}'s"
    parts = [said + f" ({_evidence(c, family)})."]
    if favours(c) == 0:
        parts.append(f"A difference is not shown at {LEVEL}{_adjusted(family)}.")
        if found.ci95 and found.p and found.p > LEVEL and found.ci95[0] * found.ci95[1] > 0:
            parts.append("The interval, which says otherwise, is the less reliable of the two.")
    return " ".join([*parts, *_caveats(c)])


def summary(family: Sequence[ModelComparison]) -> str:
    """How many of the tests of a family show which model to be better."""
    wins = [favours(each) for each in family]
    names = (family[0].first.name, family[0].second.name)
    return (
        f"Of {tested(family)} tests, {wins.count(1)} show {names[0]} to be better and "
        f"{wins.count(-1)} show {names[1]} to be, at {LEVEL} after Holm's adjustment."
    )


def value_cell(value: float | None, unit: str) -> str:
    """A value as pages show it."""
    return _NONE if value is None else number(value, unit, 2)


def gap_cell(value: float | None, unit: str) -> str:
    """A difference with its sign."""
    return _NONE if value is None else f"{value * scale(unit):+.2f}"


def interval_cell(bounds: tuple[float, float] | None, unit: str) -> str:
    """The interval of a difference, with signs."""
    return _NONE if bounds is None else " to ".join(gap_cell(bound, unit) for bound in bounds)


def effect_cell(value: float | None) -> str:
    """A standardised difference."""
    return _NONE if value is None else f"{value:+.2f}"


def p_text(p: float | None) -> str:
    """A p value: three decimals, or what there is of a smaller one."""
    if p is None:
        return _NONE
    return "1" if p == 1 else f"{p:.3f}" if p >= _SMALLEST else f"{p:.0e}"


def _adjusted(family: int) -> str:
    return " after Holm's adjustment" if family > 1 else ""


def _sample(c: ModelComparison) -> str:
    said = f"{c.split}, n = {c.images:,} images of {c.patients:,} patients"
    return said if c.found.n == c.images else f"{said}, of which {c.found.n:,} images count"


def _gap(c: ModelComparison) -> str:
    found = c.found
    gap = found.difference or 0.0
    if gap == 0:
        return "equal to"
    size = _size(abs(gap), found.unit, _digits(gap, found.unit))
    direction = "higher" if gap > 0 else "lower"
    # Of what is good when high nobody has to be told.
    judged = "" if found.higher_is_better else f", which is {'worse' if gap > 0 else 'better'},"
    return f"{size} {direction}{judged} than"


def _evidence(c: ModelComparison, family: int) -> str:
    found = c.found
    parts = [_interval(c)]
    if found.p is not None:
        test = f"p = {p_text(found.p)} by approximate randomisation of patients"
        if family > 1:
            test += f", Holm-adjusted over {family} tests {p_text(found.p_holm)}"
        parts.append(test)
    return "; ".join(parts)


def _interval(c: ModelComparison) -> str:
    found = c.found
    if found.ci95 is not None:
        lost = found.undefined_replicates
        used = f"{c.replicates - lost:,} of {c.replicates:,}" if lost else f"{c.replicates:,}"
        method = f"paired bootstrap over patients, {used} replicates"
        return f"95 % CI {_range(found.ci95, c)}; {method}"
    if found.groups < 2:
        return "no interval of one patient"
    none = "no bootstrap interval, since a label is too rare"
    if found.delong is None:
        return none
    return f"{none}; 95 % CI {_range(found.delong.ci95, c)} by DeLong"


def _range(bounds: tuple[float, float], c: ModelComparison) -> str:
    """Bounds in the direction that the sentence has said; in words where they differ in it."""
    gap = c.found.difference or 0.0
    digits, factor = _digits(gap, c.found.unit), scale(c.found.unit)
    low, high = (bound * factor for bound in bounds)
    if min(low, high) * gap >= 0 and max(low, high) * gap >= 0 and gap != 0:
        first, last = sorted((abs(low), abs(high)))
        return f"{first:.{digits}f} to {last:.{digits}f}"
    # Bounds need not lie on the side of the gap: that of a biased metric may not even hold it.
    words = {-1: " lower", 0: "", 1: " higher"}
    return " to ".join(
        f"{abs(bound):.{digits}f}{words[(bound > 0) - (bound < 0)]}" for bound in (low, high)
    )


def _digits(gap: float, unit: str) -> int:
    return 1 if abs(gap) * scale(unit) >= _FINE else 2


def _size(value: float, unit: str, digits: int) -> str:
    shown = f"{value * scale(unit):.{digits}f}"
    return f"{shown} points" if unit == FRACTION else f"{shown} ({unit})"


def _caveats(c: ModelComparison) -> list[str]:
    said = []
    gaps = [gap for gap in c.found.by_seed if gap is not None]
    with_mean = sum(gap * (c.found.difference or 0.0) > 0 for gap in gaps)
    if 0 < with_mean < len(gaps):
        said.append(f"The difference has this sign in {with_mean} of {len(gaps)} seeds.")
    said += [
        f"{side.name} was pretrained on images of {', '.join(side.overlaps)}."
        for side in (c.first, c.second)
        if side.overlaps
    ]
    shared = [r for r in c.first.unranked_because if r in c.second.unranked_because]
    if shared:
        said.append(f"Neither result is ranked: {', '.join(shared)}.")
    said += [
        f"{side.name}'s result is not ranked: {', '.join(own)}."
        for side in (c.first, c.second)
        if (own := [reason for reason in side.unranked_because if reason not in shared])
    ]
    return said
