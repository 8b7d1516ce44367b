"""Clinical context from what a data set tells of a patient."""

from __future__ import annotations

import re
from typing import Literal

OLDEST = 120.0
"""Years; a few ages of the public sets are impossible (148, 412, 414)."""

_AGE = re.compile(r"(\d+(?:\.\d*)?)\s*(?:([dwmy])[a-z]*)?", re.ASCII)
_PER_YEAR = {"d": 365.25, "w": 365.25 / 7, "m": 12.0, "y": 1.0}

_LABEL = re.compile(r"(?<!\S)(?:INDICATION|HISTORY):(?!\S)")
_SECTIONS = re.compile(
    r"(?:INDICATION:(?!\S)(?P<indication>.*?))?(?:(?<!\S)HISTORY:(?!\S)(?P<history>.*))?", re.DOTALL
)


def read_age(text: str) -> float | None:
    """Years of an age, in any way the public sets write it.

    DICOM strings (`058Y`, `006M`, `012W`, `003D`; PS3.5), words (`45yrs`, `6 months`) or bare
    years (`58`, `58.0`, `051`).

    Returns:
        None for what is malformed, and for more than 120 years.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        return None
    age = float(found[1]) / _PER_YEAR[found[2] or "y"]
    return age if age <= OLDEST else None


def read_sex(text: str) -> Literal["M", "F"] | None:
    """`M` or `F` from `M`, `Male`, `female` …; None where unknown."""
    first = text.strip().upper()[:1]
    return "M" if first == "M" else "F" if first == "F" else None


def fill_context(template: str, **values: object) -> str | None:
    """The template of a card filled in; None when a value it needs is unknown.

    Args:
        template: With fields such as `{age}`; `{sex_noun}` becomes man or woman.
        values: What is known; `sex` is `M`, `F` or None, `age` is in years, cut to whole ones.
    """
    noun = {"M": "man", "F": "woman"}.get(str(values.get("sex") or ""))
    age = values.get("age")
    known = {**values, "sex_noun": noun, "age": int(age) if isinstance(age, float) else age}
    if not template or any(
        known.get(name) in (None, "") for name in known if f"{{{name}}}" in template
    ):
        return None
    return template.format(**known)


def join_context(indication: str, history: str) -> str | None:
    """One text of the two sections of a report that tell why and of whom it was made.

    `INDICATION: Cough. HISTORY: Asthma.`, `HISTORY: Asthma.`, or `Cough.`: an indication alone
    needs no label, and a section that is empty has none. For data sets that tell the sections
    apart; `split_context` takes the text apart again. A word within a section that would pass for
    a label loses its capitals.

    Returns:
        None where both are blank.
    """
    why, before = (_LABEL.sub(_small, text.strip()) for text in (indication, history))
    if not before:
        return why or None
    return f"INDICATION: {why} HISTORY: {before}" if why else f"HISTORY: {before}"


def split_context(context: str) -> tuple[str, str]:
    """Indication and history of a context; a text that begins with no label is an indication.

    Args:
        context: As `join_context` makes it, or any other text.
    """
    text = context.strip()
    found = _SECTIONS.fullmatch(text)
    if found is None:
        return text, ""
    return (found["indication"] or "").strip(), (found["history"] or "").strip()


def _small(label: re.Match[str]) -> str:
    return label[0].capitalize()
