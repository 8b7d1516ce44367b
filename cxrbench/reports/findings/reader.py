"""What a report says of each finding, by rules: words, cues of denial and doubt, and their reach.

The idea is that of NegEx (Chapman et al. 2001): a cue such as "no" speaks of what follows it in its
sentence, up to a word such as "but". The findings, and the rule for "No Finding", are those of the
CheXpert labeler (Irvin et al. 2019). Word lists and rules are our own, so that the result is
neither that of the CheXpert labeler nor of CheXbert, and no measure of clinical efficacy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from cxrbench.reports.findings.lexicon import Lexicon, Phrases, lexicon, names
from cxrbench.reports.findings.mention import RANK, Mention, Status
from cxrbench.reports.findings.scope import Cue, find_cues, judged
from cxrbench.reports.findings.sentences import sentences

NO_FINDING = "No Finding"
FINDINGS = (*names(), NO_FINDING)
"""The 14 observations of CheXpert, in the order of the heads of CheXbert."""
_NO_OBSTACLE = frozenset({"Support Devices"})
_WORD = re.compile(r"\w")


def read_findings(text: str) -> tuple[Mention, ...]:
    """Every place where a report speaks of a finding, in order.

    Args:
        text: Free text or a structured report; headers are no findings, and of the file of a whole
            report only the parts that tell what is seen are read.

    Returns:
        Mentions of all findings but "No Finding", which is never said but concluded, and of
        `OTHER`. A phrase such as "lungs are clear" mentions every finding that it denies.
    """
    words = lexicon()
    return tuple(
        replace(mention, start=mention.start + begin, end=mention.end + begin)
        for begin, sentence in sentences(text, words.read, words.skipped)
        for mention in _read_sentence(sentence)
    )


def statuses(text: str) -> dict[str, Status]:
    """Finding to what the report says of it, in the order of `FINDINGS`.

    A finding that is stated anywhere is present; one that is nowhere stated and somewhere in
    doubt is uncertain; one that is only denied is absent; one that is not mentioned is left out.
    "No Finding" is present where no other finding but Support Devices is present or uncertain, the
    rule of the CheXpert labeler, and is otherwise left out. Findings without a name (`OTHER`) count
    for that rule. A text without a word says nothing at all.

    Args:
        text: See `read_findings`.
    """
    return dict(_statuses(text))


@lru_cache(maxsize=8192)
def _statuses(text: str) -> Mapping[str, Status]:
    found: dict[str, Status] = {}
    for mention in read_findings(text):
        known = found.get(mention.finding, mention.status)
        found[mention.finding] = max(known, mention.status, key=RANK.index)
    seen = {name for name, status in found.items() if status != "absent"}
    if not seen - _NO_OBSTACLE and _WORD.search(text):
        found[NO_FINDING] = "present"
    return {name: found[name] for name in FINDINGS if name in found}


@lru_cache(maxsize=16384)
def _read_sentence(text: str) -> tuple[Mention, ...]:
    """Mentions of one sentence, in order; places are those in the sentence."""
    words = lexicon()
    cues = find_cues(text, words.cues)
    found = {*judged(_told(text, words), cues), *_denied(text, words, cues)}
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.finding)))


def _told(text: str, words: Lexicon) -> list[Mention]:
    """The findings that stand in a sentence, whatever is said of them."""
    found: list[Mention] = []
    for finding, phrases in words.findings.items():
        never = phrases.never.spans(text)
        told: tuple[tuple[Phrases, Status], ...]
        told = (phrases.say, "present"), (phrases.hint, "uncertain")
        found += [
            Mention(finding, start, end, status)
            for own, status in told
            for start, end in own.spans(text)
            if not any(first <= start and end <= last for first, last in never)
        ]
    return found


def _denied(text: str, words: Lexicon, cues: Sequence[Cue]) -> Iterator[Mention]:
    """What is denied by words that all is well, unless they are denied themselves."""
    for findings, phrases in words.normal:
        for start, end in phrases.spans(text):
            for finding in findings:
                mention = Mention(finding, start, end, "absent")
                if not any(cue.status == "absent" and cue.covers(mention) for cue in cues):
                    yield mention
