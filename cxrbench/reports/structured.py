"""Structured reports: findings as bullets under eight fixed headers.

The form is that of SRRG (Delbrouck et al. 2025): `Header:` on a line, then bullets that begin
with `- `, a blank line between sections. Files often hold it glued to one line, without the line
breaks (`… placement.- Lungs are clear.Pleura:- No effusion.`); that is taken apart again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cxrbench.errors import DataError
from cxrbench.names import did_you_mean

HEADERS = (
    "Lungs and Airways",
    "Pleura",
    "Cardiovascular",
    "Hila and Mediastinum",
    "Tubes, Catheters, and Support Devices",
    "Musculoskeletal and Chest Wall",
    "Abdominal",
    "Other",
)
"""The headers, in the order in which they are printed."""
_BY_NAME = {header.casefold(): header for header in HEADERS}
_KNOWN = "|".join(re.escape(header).replace(r"\ ", r"\s+") for header in HEADERS)
_LINE = re.compile(rf"^[ \t]*(?P<name>{_KNOWN})[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)
# Without line breaks a header stands right behind the last letter of the section before it, which
# need not end in a full stop; that it is one is told by the bullet behind its colon.
_GLUED = re.compile(rf"(?P<name>{_KNOWN})\s*:\s*(?=-|$)")
_UNKNOWN = re.compile(r"^(?!\s*-)(?P<name>[^\n:.]{1,60}):[ \t]*(?=$|-)", re.MULTILINE)
_UNKNOWN_GLUED = re.compile(
    r"(?<=\.)\s*(?P<name>[A-Z][A-Za-z]*(?:[ ,/&]+[A-Za-z]+){0,6})\s*:\s*(?=-)"
)
# A bullet begins a line. Without line breaks its mark has a blank behind and none before it
# (`in place- Wires`; no hyphen of a word has), or stands behind the end of a sentence.
_BULLET = re.compile(
    r"(?:^|\n)\s*[-•*]\s*|(?<=\S)-\s+(?=[A-Z0-9])|(?<=[.!?;])\s*-\s*(?=[A-Z0-9\"'(])"
)


@dataclass(frozen=True)
class StructuredReport:
    """A structured report taken apart.

    Attributes:
        sections: Header to its bullets, in the order of the report; bullets without their mark.
        unknown: Headers that are none of `HEADERS`, in order; what stands below them is in no
            section.
        loose: Bullets before the first header.
    """

    sections: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()

    def text(self, header: str) -> str:
        """The bullets of a section as running text, without marks; empty where it is absent."""
        return " ".join(self.sections.get(header, ()))

    def render(self) -> str:
        """The report with line breaks: headers in their fixed order, bullets below them."""
        return "\n".join(
            f"{header}:\n" + "".join(f"- {bullet}\n" for bullet in self.sections[header])
            for header in HEADERS
            if header in self.sections
        )

    def problems(self) -> list[str]:
        """What is wrong with the form, a line each; empty for a valid report."""
        found = [f"unknown header {name!r}" for name in self.unknown]
        if self.loose:
            found.append("there is text before the first header")
        found += [f"nothing stands under {name}" for name, own in self.sections.items() if not own]
        if not self.sections:
            found.append("there is no known header")
        return found

    def require_valid(self, name: str = "the report") -> StructuredReport:
        """The report itself.

        Raises:
            DataError: When its form is not valid.
        """
        problems = self.problems()
        if not problems:
            return self
        advice = f"use the headers {'; '.join(HEADERS)}"
        if self.unknown:
            advice = did_you_mean(self.unknown[0], HEADERS, "docs/report-metrics.md")
        raise DataError(f"{name} is not a structured report", why="; ".join(problems), fix=advice)


def parse_structured(text: str) -> StructuredReport:
    """Take a structured report apart, with line breaks or glued; nothing is refused.

    A header that stands twice has the bullets of both. Case and blanks of headers do not matter.

    Args:
        text: The report.
    """
    marks = header_places(text)
    first = marks[0][0] if marks else len(text)
    sections: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    for (_, begin, name), end in zip(marks, [*(m[0] for m in marks[1:]), len(text)], strict=False):
        header = _BY_NAME.get(name.casefold())
        if header is None:
            unknown.append(name)
        else:
            sections[header] = (*sections.get(header, ()), *_bullets(text[begin:end]))
    return StructuredReport(sections, tuple(unknown), _bullets(text[:first]))


def header_places(text: str) -> list[tuple[int, int, str]]:
    """Start, end and name of each header in the text, in order; overlapping ones once."""
    found: dict[int, tuple[int, int, str]] = {}
    for pattern in (_LINE, _GLUED, _UNKNOWN, _UNKNOWN_GLUED):
        for match in pattern.finditer(text):
            start, end = match.start("name"), match.end()
            name = " ".join(match["name"].split())
            if not any(start < other[1] and other[0] < end for other in found.values()):
                found[start] = (start, end, name)
    return [found[start] for start in sorted(found)]


def _bullets(text: str) -> tuple[str, ...]:
    """Bullets without marks; a line that is none goes on with the bullet before it."""
    parts = [" ".join(part.split()) for part in _BULLET.split(text)]
    return tuple(part for part in parts if part)
