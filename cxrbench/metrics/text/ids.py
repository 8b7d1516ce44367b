"""Ids of lexical metrics, which spell out what is done to the texts before they are compared.

    METRIC-PRESET[-refNwords|-refNtokens][-unique-refs]

`bleu4-coco-dotspace`, `cider-raw-ref100tokens`, `rouge-l-ptb-lower-unique-refs`. The parts are
explained in docs/report-metrics.md. Importing this module imports nothing heavy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NAMES = ("bleu1", "bleu2", "bleu3", "bleu4", "meteor", "rouge-l", "cider")
PRESETS = ("coco-dotspace", "ptb-lower", "raw")
SECTION_NAMES = ("bleu4-sections", "rouge-l-sections")
SECTION_MEANS = ("by-section", "pooled")
_ID = re.compile(
    rf"(?P<name>{'|'.join(NAMES)})-(?P<preset>{'|'.join(PRESETS)})"
    r"(?:-ref(?P<length>[1-9]\d{0,4})(?P<unit>words|tokens))?(?P<unique>-unique-refs)?"
)
LEXICAL_IDS = tuple(
    f"{name}-{preset}{level}"
    for level in ("", "-unique-refs")
    for preset in PRESETS
    for name in NAMES
)
"""Those on whole references; cut ones exist for any length."""
SECTION_IDS = tuple(
    f"{name}-{mean}-{preset}"
    for preset in PRESETS
    for name in SECTION_NAMES
    for mean in SECTION_MEANS
)


@dataclass(frozen=True)
class Cut:
    """References are cut to their first words or tokens.

    Attributes:
        length: How many are kept.
        unit: `words` as blanks divide them, or `tokens` of a tokenizer.
    """

    length: int
    unit: Literal["words", "tokens"]


@dataclass(frozen=True)
class LexicalId:
    """What the id of a lexical metric says.

    Attributes:
        name: One of `NAMES`.
        preset: One of `PRESETS`.
        cut: How references are cut, None for whole ones.
        unique: Whether every distinct reference counts once.
    """

    name: str
    preset: str
    cut: Cut | None = None
    unique: bool = False

    def __str__(self) -> str:
        cut = f"-ref{self.cut.length}{self.cut.unit}" if self.cut else ""
        return f"{self.name}-{self.preset}{cut}{'-unique-refs' if self.unique else ''}"


def parse_lexical(metric_id: str) -> LexicalId | None:
    """The parts of an id, None where it is not that of a lexical metric."""
    match = _ID.fullmatch(metric_id)
    if match is None:
        return None
    cut = None
    if match["length"]:
        cut = Cut(int(match["length"]), "words" if match["unit"] == "words" else "tokens")
    return LexicalId(match["name"], match["preset"], cut, bool(match["unique"]))
