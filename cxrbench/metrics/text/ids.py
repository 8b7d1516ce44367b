"""Ids of lexical metrics, which spell out what is done to the texts before they are compared.

    METRIC-PRESET[-refNwords|-refNtokens][-unique-refs]

`bleu4-coco-dotspace`, `cider-raw-ref100tokens`, `rouge-l-ptb-lower-unique-refs`. The parts are
explained in docs/report-metrics.md. Importing this module imports nothing heavy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
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
FINDING_IDS = (
    *(f"findings-{name}-rules14" for name in ("f1-micro", "f1-macro")),
    *(f"findings-{name}-micro-rules14" for name in ("precision", "recall")),
    "findings-f1-micro-rules13",
)
KEYWORD_RECALL = "clinical-keyword-recall"
CHEXBERT_IDS = tuple(
    f"chexbert-{name}-{observations}-{mean}{policy}"
    for policy in ("", "-uncertain-absent")
    for observations in (14, 5)
    for name, mean in (
        *product(("f1", "precision", "recall"), ("micro", "macro", "samples")),
        ("accuracy", "exact"),
    )
)
"""Without a policy in the id, uncertain counts as positive, as in the published numbers."""
F1CHEXBERT = tuple(name for name in CHEXBERT_IDS if not name.endswith("-uncertain-absent"))
"""What the package f1chexbert computes."""
SRR_IDS = tuple(
    f"{name}-srr-leaves-{unit}-{mean}"
    for unit, mean, name in product(
        ("sections", "utterances"), ("pooled", "by-section"), ("f1", "precision", "recall")
    )
)
RADGRAPH_IDS = tuple(
    f"{reader}-f1-{level}"
    for reader in ("radgraph", "radgraph-xl")
    for level in ("simple", "partial", "complete", "combined")
)
RADGRAPH = RADGRAPH_IDS[:3]
"""What the package radgraph computes, with the model of 2021."""
BERTSCORE_IDS = tuple(
    f"bertscore-{name}-distilbert-l5-rescaled" for name in ("f1", "precision", "recall")
)
RADCLIQ_IDS = ("radcliq-v1", "radcliq-v1-inverse")
CLINICAL = (
    *(f"chexbert-{name}-{mean}" for name in ("f1-14", "f1-5") for mean in ("micro", "macro")),
    *(
        f"chexbert-{name}-14-{mean}"
        for name, mean in product(("precision", "recall"), ("micro", "macro"))
    ),
    "f1-srr-leaves-sections-pooled",
    "precision-srr-leaves-sections-pooled",
    "recall-srr-leaves-sections-pooled",
    "f1-srr-leaves-utterances-pooled",
    KEYWORD_RECALL,
    *RADGRAPH,
    BERTSCORE_IDS[0],
    "semscore",
    *RADCLIQ_IDS,
    "ratescore",
)
"""What clinical efficacy is mostly reported with, a metric a line."""


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
