"""Entities among labelled tokens, as RaTEScore (Zhao et al. 2024) makes them of IOB labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

_FRAME = frozenset({"[CLS]", "[SEP]"})


class Found(NamedTuple):
    """An entity.

    Attributes:
        text: Its words.
        kind: Its type, such as `ANATOMY`.
    """

    text: str
    kind: str


def find_entities(tokens: Sequence[str], labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """First token, last token and type of each entity.

    An entity is a token labelled `B-` with those labelled `I-` behind it; its type is that of the
    first. What the package `RaTEScore` does at the edges is kept, since the score is defined by it:
    one that still runs at the last token but one ends there, unless a neighbour without a gap came
    before it, and is lost then.

    Args:
        tokens: Tokens of a sentence with the two that frame it.
        labels: `O`, `B-TYPE` or `I-TYPE` of each.
    """
    return list(_entities(tokens, labels))


def _entities(tokens: Sequence[str], labels: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    start: int | None = None
    closed = False  # whether another entity ended where this one begins
    kind = ""
    for place, (token, label) in enumerate(zip(tokens, labels, strict=True)):
        if token in _FRAME or label == "O" or place == len(labels) - 1:
            continue
        begins, follows = label.startswith("B-"), labels[place + 1][:2]
        if begins:
            start, kind = place, label[2:]
        if follows == "I-":
            continue
        if start is not None:
            yield start, place, kind
        if follows == "B-":
            # The next token takes both over; until then they stand for this one.
            start, kind, closed = place, label[2:], True
        else:
            start, closed = None, False
    if start is not None and not closed:
        yield start, len(tokens) - 2, kind
