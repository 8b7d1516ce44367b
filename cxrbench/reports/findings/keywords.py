"""Clinical keywords of a report: findings, regions, sides and degrees that it does not deny."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources

import yaml

from cxrbench.reports.findings.lexicon import Phrases, lexicon
from cxrbench.reports.findings.mention import OTHER, Mention
from cxrbench.reports.findings.reader import read_findings
from cxrbench.reports.findings.scope import find_cues, judged
from cxrbench.reports.findings.sentences import sentences


def keywords(text: str) -> frozenset[str]:
    """The keywords of a report, each once however it is said.

    They are the names of findings that `read_findings` takes for present or uncertain, and the
    keywords of `keywords.yaml` (further findings and devices, anatomical regions, laterality,
    severity and change) of which at least one phrase stands outside the reach of a denial. A
    region counts wherever it is not denied: "the heart is normal" has the keyword heart.

    Args:
        text: Free text or a structured report; headers hold no keywords.
    """
    words = lexicon()
    found = {
        mention.finding
        for mention in read_findings(text)
        if mention.status != "absent" and mention.finding != OTHER
    }
    for _, sentence in sentences(text, words.read, words.skipped):
        found |= _of_sentence(sentence)
    return frozenset(found)


@lru_cache(maxsize=16384)
def _of_sentence(sentence: str) -> frozenset[str]:
    said = [
        Mention(name, start, end, "present")
        for name, phrases in _dictionary().items()
        for start, end in phrases.spans(sentence)
    ]
    told = judged(said, find_cues(sentence, lexicon().cues)) if said else []
    return frozenset(one.finding for one in told if one.status != "absent")


@cache
def _dictionary() -> Mapping[str, Phrases]:
    """Keyword to its phrases, of all groups."""
    text = resources.files(__package__).joinpath("keywords.yaml").read_text(encoding="utf-8")
    groups: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return {name: Phrases([words]) for group in groups.values() for name, words in group.items()}
