"""Two reports as HTML: findings are coloured, words in common underlined thinly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from cxrbench.reports.page_findings import Mark, marks
from cxrbench.reports.words import common_places

_WORD = re.compile(r"\w+(?:[.'’-]\w+)*")
Span = tuple[int, int]
EMPTY = '<span class="note">nothing was written</span>'


def side_by_side(reference: str, generated: str) -> tuple[str, str]:
    """Both texts as HTML.

    Findings are in `mark`, with their outcome as class and what is said of them as title; words
    that both texts have in the same order, whatever their case, are in `u`.
    """
    texts = reference, generated
    words = [list(_WORD.finditer(text)) for text in texts]
    places = common_places(*([word[0].casefold() for word in side] for side in words))
    left, right = (
        _shown(text, own, _runs(text, side, set(shared))) or EMPTY
        for text, own, side, shared in zip(
            texts, marks(reference, generated), words, places, strict=True
        )
    )
    return left, right


def _runs(text: str, words: Sequence[re.Match[str]], shared: set[int]) -> list[Span]:
    """Start and end of shared words; those with blanks alone between them are one run."""
    runs: list[Span] = []
    last = -2
    for position, word in enumerate(words):
        if position not in shared:
            continue
        if last == position - 1 and not text[runs[-1][1] : word.start()].strip():
            runs[-1] = runs[-1][0], word.end()
        else:
            runs.append(word.span())
        last = position
    return runs


def _shown(text: str, found: Sequence[Mark], runs: Sequence[Span]) -> str:
    """A text with its findings in `mark` and shared words in `u`, also within a mark."""
    pieces, here = list[str](), 0
    for mark in found:
        pieces += _underlined(text, here, mark.start, runs)
        kind = f"{mark.outcome} denied" if mark.denied else mark.outcome
        inside = "".join(_underlined(text, mark.start, mark.end, runs))
        pieces.append(f'<mark class="{kind}" title="{escape(mark.title)}">{inside}</mark>')
        here = mark.end
    return "".join([*pieces, *_underlined(text, here, len(text), runs)])


def _underlined(text: str, start: int, end: int, runs: Sequence[Span]) -> Iterator[str]:
    """A part of a text with the shared words in it in `u`."""
    here = start
    for first, last in runs:
        first, last = max(first, start), min(last, end)
        if first < last:
            yield escape(text[here:first])
            yield f"<u>{escape(text[first:last])}</u>"
            here = last
    yield escape(text[here:end])
