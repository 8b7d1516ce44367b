"""The words of the rule reader, from `lexicon.yaml`, as compiled patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

from cxrbench.reports.findings.mention import OTHER, Status

CueKind = Literal["before", "after", "link", "around"]
_WORD = r"[\w'/%]+(?:\.\d+)?[\s-]+"
_JOINING = r"(?!(?:and|or|with|without|versus|vs|which|consistent|compatible|due|may|could|in)\b)"
_GAPS = {
    " ... ": rf"[\s-]+(?:{_WORD}){{0,4}}?",
    " .. ": rf"[\s-]+(?:{_JOINING}{_WORD}){{0,4}}?",
}
_GROUP = re.compile(r"(?<!\\)\((?!\?)")


class Phrases:
    """Several phrases, of which any may stand in a text.

    Args:
        phrases: Regular expressions in the form that `lexicon.yaml` explains.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        given = list(phrases)
        self._each = [re.compile(as_pattern(phrase), re.IGNORECASE) for phrase in given]
        # Most sentences have none of them, which one search tells.
        every = "|".join(as_pattern(phrase) for phrase in given) or r"(?!)"
        self._any = re.compile(every, re.IGNORECASE)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each match in order; none lies within another one."""
        if not self._any.search(text):
            return []
        found = {match.span() for each in self._each for match in each.finditer(text)}
        kept: list[tuple[int, int]] = []
        for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
            if not kept or end > kept[-1][1]:
                kept.append((start, end))
        return kept


def as_pattern(phrase: str) -> str:
    """A phrase of `lexicon.yaml` as a regular expression."""
    pattern = _GROUP.sub("(?:", phrase)
    pieces = re.split(r"( \.{2,3} )", pattern)
    pattern = "".join(_GAPS.get(piece) or piece.replace(" ", r"[\s-]+") for piece in pieces)
    if not re.search(r"\w", phrase):  # a punctuation mark
        return pattern
    before = "" if phrase[0] == "," else r"(?<!\w)"
    return rf"{before}(?:{pattern})(?!\w)"


@dataclass(frozen=True)
class Words:
    """The phrases of one finding.

    Attributes:
        say: State it.
        hint: State it with doubt.
        never: Hold words of the others and are none.
    """

    say: Phrases
    hint: Phrases
    never: Phrases


@dataclass(frozen=True)
class Cues:
    """The phrases that tell a status.

    Attributes:
        before: Status to cues that stand before what they speak of.
        after: Status to cues that stand behind it.
        link: Cues of doubt between a sight and what it might be.
        around: Cues of doubt between two possibilities.
        neutral: Phrases that hold a cue and are none.
        ends: Where the reach of cues ends: `all`, those of one status, and, of cues that stand
            behind, `after`.
    """

    before: Mapping[Status, Phrases]
    after: Mapping[Status, Phrases]
    link: Phrases
    around: Phrases
    neutral: Phrases
    ends: Mapping[str, Phrases]

    def each(self) -> Iterator[tuple[CueKind, Status, Phrases]]:
        """Where each kind of cue stands, and what it tells."""
        for status, phrases in self.after.items():
            yield "after", status, phrases
        for status, phrases in self.before.items():
            yield "before", status, phrases
        yield "link", "uncertain", self.link
        yield "around", "uncertain", self.around


@dataclass(frozen=True)
class Lexicon:
    """All words of the reader.

    Attributes:
        findings: Finding to its phrases, `OTHER` last.
        normal: Findings that are denied, and the phrases that deny them.
        cues: What tells a status.
        skipped: Names of report sections that do not tell what is seen.
        read: Names of those that do.
    """

    findings: Mapping[str, Words]
    normal: Sequence[tuple[tuple[str, ...], Phrases]]
    cues: Cues
    skipped: tuple[str, ...]
    read: tuple[str, ...]


def names() -> Iterator[str]:
    """The findings of the file, in its order."""
    yield from _content()["findings"]


@cache
def lexicon() -> Lexicon:
    """The words, compiled once."""
    content = _content()
    told, doubted, ends = content["absent"], content["uncertain"], content["ends"]
    return Lexicon(
        findings={
            name: Words(*(Phrases(words.get(key, ())) for key in ("say", "hint", "never")))
            for name, words in {**content["findings"], OTHER: content["others"]}.items()
        },
        normal=[(tuple(item["denies"]), Phrases(item["say"])) for item in content["normal"]],
        cues=Cues(
            before={"absent": Phrases(told["before"]), "uncertain": Phrases(doubted["before"])},
            after={"absent": Phrases(told["after"]), "uncertain": Phrases(doubted["after"])},
            link=Phrases(doubted["link"]),
            around=Phrases(doubted["around"]),
            neutral=Phrases(content["neutral"]),
            ends={name: Phrases(phrases) for name, phrases in ends.items()},
        ),
        skipped=tuple(content["sections"]["skipped"]),
        read=tuple(content["sections"]["read"]),
    )


@cache
def _content() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("lexicon.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.safe_load(text)
    return content
