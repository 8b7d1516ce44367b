"""Texts of a record that could tell of a patient, a person or a machine.

What a record may say in words is what a card says. Everything else has to be a name, a number or a
hash in its place. Findings say where a text is and of what kind, and never repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Set
from typing import Any

from cxrbench.results.record import Record
from cxrbench.results.submission.findings import Finding

_LONGEST = 80
_MOST_WORDS = 6
_SHA256 = r"[0-9a-f]{64}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
_FORMS = (
    (r"run_id", r"[\w@.-]+_[0-9a-f]{12}"),
    (r"spec\.encoder", r"[0-9a-f]{16}"),
    (r"spec\.(weights|data)\..+|weights\.sha256\..+|dataset\.splits\..+\.sha256", _SHA256),
    (r"provenance\.git\.commit", r"[0-9a-f]{40}"),
    (r"provenance\.(created|scored)", _TIME),
)
"""Places, and the form of what belongs there and would be taken for an identifier elsewhere."""
_PLAIN = re.compile(r"[\w@.:+/%()#,…<>=~^|' -]*")
_TELLING = {
    "a path": re.compile(r"(^|[\s=:'\"(])(~|[A-Za-z]:)?[/\\][\w.~]"),
    "an address": re.compile(r"://|\bwww\."),
    "an e-mail address": re.compile(r"[\w.+-]@[A-Za-z][\w-]*\.[A-Za-z]"),
    "the name of a file": re.compile(
        r"\.(png|jpe?g|dcm|dicom|tiff?|bmp|npy|npz|nii|txt|csv|json|parquet|pth?|ckpt|safetensors)"
        r"(?!\w)",
        re.IGNORECASE,
    ),
    "an identifier": re.compile(
        r"(?<![0-9A-Za-z])[A-Za-z]?\d{6,}"
        r"|(?<![0-9A-Za-z])(?=[a-f]*\d)[0-9a-f]{12,}(?![0-9A-Za-z])"
        r"|[0-9a-f]{4,}(-[0-9a-f]{4,}){2,}"
        r"|(?<![\w.])\d+(\.\d+){4,}(?!\w)"
    ),
}


def telling_texts(record: Record, explained: Set[str]) -> Iterator[Finding]:
    """Texts that may not be in a record that is shared.

    Args:
        record: The record, already reduced to what is shared.
        explained: Texts that a card here holds (see `Known.words`).
    """
    for where, text in leaves(record.model_dump(mode="json")):
        if text in explained or _fits(where, text):
            continue
        problem = _problem(text)
        if problem:
            yield Finding(
                where,
                f"{problem} is in it",
                "a shared record holds names, numbers and hashes, and no text but that of cards",
            )


def holding(record: Record, ids: Collection[str]) -> Iterator[Finding]:
    """Places that hold one of these ids, as a whole text or as a word of it."""
    known = set(ids)
    for where, text in leaves(record.model_dump(mode="json")):
        if not known.isdisjoint((text, *re.split(r"[\s,;:=/()]+", text))):
            yield Finding(
                where,
                "the id of a sample of this run is in it",
                "correct what put it there, and run again",
            )


def named(name: str) -> str:
    """A name as findings may show it; `…` where it could tell something itself."""
    return "…" if _problem(name) else name


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text in nested JSON with its place; the names of its parts are texts too."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"{where or 'record'} (a name in it)", str(key)
            yield from leaves(inner, f"{where}.{named(str(key))}" if where else str(key))
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from leaves(inner, f"{where}[{position}]")


def _fits(where: str, text: str) -> bool:
    return any(re.fullmatch(place, where) and re.fullmatch(form, text) for place, form in _FORMS)


def _problem(text: str) -> str:
    """What is wrong with a text, in words; empty where nothing is."""
    for name, pattern in _TELLING.items():
        if pattern.search(text):
            return name
    if len(text) > _LONGEST or len(text.split()) > _MOST_WORDS or "\n" in text:
        return "free text"
    return "" if _PLAIN.fullmatch(text) else "a character that names do not have"
