"""Which findings two reports share, miss or add, and the words that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cxrbench.reports.findings import FINDINGS, OTHER, Mention, Status, read_findings, statuses

Outcome = Literal["both", "missed", "added"]
_SIDES: tuple[tuple[Outcome, str], ...] = (
    ("missed", "generated report"),
    ("added", "reference"),
)


@dataclass(frozen=True)
class Mark:
    """Words of a text that speak of findings.

    Attributes:
        start: First character.
        end: The character behind the last.
        outcome: `both` where the other text says the same, `missed` in a reference and `added` in
            a generated text where it does not.
        denied: Whether all that is said of the findings is that they are absent.
        title: Each finding, what is said of it here and in the other text.
    """

    start: int
    end: int
    outcome: Outcome
    denied: bool
    title: str


def marks(reference: str, generated: str) -> tuple[list[Mark], list[Mark]]:
    """The marks of both texts, in order and without overlaps.

    Two texts say the same of a finding where both state or hedge it, as metrics count it, or both
    deny it; what a text says of it in several places is taken together. Mentions that overlap are
    one mark, which shows what differs before what does not. Words that deny what the text states
    elsewhere ("otherwise clear") show the other findings that they deny. Findings that are none of
    the 14 are not marked.
    """
    told = statuses(reference), statuses(generated)
    texts = reference, generated
    left, right = (
        [
            _mark(group, told[own], told[1 - own], *_SIDES[own])
            for group in _groups([m for m in read_findings(texts[own]) if m.finding != OTHER])
        ]
        for own in (0, 1)
    )
    return left, right


def outcomes(reference: str, generated: str) -> dict[Outcome, list[str]]:
    """The findings that either text states or hedges, by outcome, in the order of `FINDINGS`."""
    told = statuses(reference), statuses(generated)
    found: dict[Outcome, list[str]] = {"both": [], "missed": [], "added": []}
    for name in FINDINGS:
        ours, theirs = (_positive(side.get(name)) for side in told)
        if ours or theirs:
            found["both" if ours and theirs else "missed" if ours else "added"].append(name)
    return found


def _groups(mentions: Sequence[Mention]) -> Iterator[list[Mention]]:
    """Mentions that overlap, together."""
    group: list[Mention] = []
    for mention in sorted(mentions, key=lambda one: (one.start, one.end)):
        if group and mention.start >= max(one.end for one in group):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _mark(
    group: Sequence[Mention],
    own: Mapping[str, Status],
    other: Mapping[str, Status],
    differs: Outcome,
    where: str,
) -> Mark:
    told = {mention.finding: mention.status for mention in group}
    # "Otherwise clear" does not deny what the report states elsewhere.
    names = [name for name in told if _same(told[name], own[name])] or list(told)
    same = {name: _same(own[name], other.get(name)) for name in names}
    # A denial that the other text merely leaves out counts for less than one that it shares.
    weights = {
        name: 3
        if not same[name] and (_positive(own[name]) or _positive(other.get(name)))
        else 2 * same[name]
        for name in names
    }
    first = max(names, key=lambda name: weights[name])
    return Mark(
        start=min(mention.start for mention in group),
        end=max(mention.end for mention in group),
        outcome="both" if same[first] else differs,
        denied=all(mention.status == "absent" for mention in group),
        title="; ".join(
            f"{name}: {told[name]}, in the {where} {other.get(name, 'not mentioned')}"
            for name in names
        ),
    )


def _same(own: Status, other: Status | None) -> bool:
    return other is not None and _positive(own) == _positive(other)


def _positive(status: Status | None) -> bool:
    return status in {"present", "uncertain"}
