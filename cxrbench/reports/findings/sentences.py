"""Sentences of a report, with where they stand: what is said reaches no further than its sentence.

Free text ends a sentence at a full stop (not that of 2.5 cm or of Dr.), at a blank line and at the
number of a list; structured reports also at headers and bullets. Headers are no sentences, and
sections that do not tell what is seen (indication, technique, ...) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from cxrbench.reports.structured import header_places

# What ends a sentence; whatever matches is in none.
_BREAK = re.compile(
    r"""
    (?<!\bDr)(?<!\bvs)(?<!\bi\.e)(?<!\be\.g)(?<!\bapprox)[.!?]+(?=\s|$|[A-Z"'(\[-]|\d+[.)]\s)
    | \n[ \t]*\n\s*                   # a blank line
    | (?:^|\n)[ \t]*[-•*][ \t]*       # a bullet
    | (?<=\S)-\s+(?=[A-Z0-9])         # a bullet of a text without line breaks
    | (?:^|(?<=\s))\d{1,2}[.)](?=\s)  # the number of a list
    """,
    re.VERBOSE,
)
# A section that is left out ends at a blank line behind its text.
_PARAGRAPH = re.compile(r"\s*\S(?:.|\n(?![ \t]*\n))*\n[ \t]*\n")


def sentences(text: str, read: Sequence[str], skipped: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The sentences of a report and their first characters, in order.

    Args:
        text: The report.
        read: Names of sections that are read, as regular expressions.
        skipped: Names of those that are not, up to the next header.
    """
    for start, end in _parts(text, read, skipped):
        here = start
        for match in _BREAK.finditer(text, start, end):
            yield from _sentence(text, here, match.start())
            here = match.end()
        yield from _sentence(text, here, end)


def _sentence(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    if text[start:end].strip():
        yield start, text[start:end]


def _parts(text: str, read: Sequence[str], skipped: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Start and end of what stands between headers and is read."""
    marks = [(start, end, True) for start, end, _ in header_places(text)]
    for match in _headers(tuple(read), tuple(skipped)).finditer(text):
        marks.append((*match.span(), match["skipped"] is None))
    here, reading = 0, True
    for start, end, next_is_read in [*sorted(marks), (len(text), len(text), True)]:
        if not reading:
            gap = _PARAGRAPH.match(text, here, start)
            here = gap.end() if gap else start
        if start > here:
            yield here, start
        here, reading = max(here, end), next_is_read


@cache
def _headers(read: tuple[str, ...], skipped: tuple[str, ...]) -> re.Pattern[str]:
    """Headers of report sections, at the start of a line or behind a sentence."""
    return re.compile(
        rf"(?:^|(?<=\n)|(?<=[.:?!]\s)|(?<=[.:?!]\s\s))[ \t]*"
        rf"(?:(?P<skipped>{'|'.join(skipped)})|{'|'.join(read)})[ \t]*:",
        re.IGNORECASE,
    )
