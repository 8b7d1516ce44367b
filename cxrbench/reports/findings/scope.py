"""How far a cue of denial or doubt reaches in its sentence, and what it makes of the findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxrbench.reports.findings.lexicon import Cues
from cxrbench.reports.findings.mention import Mention, Status

Span = tuple[int, int]


@dataclass(frozen=True)
class Cue:
    """One cue and what it speaks of.

    Attributes:
        status: What it makes of the findings in its reach.
        place: Start and end of the cue.
        reach: Start and end of what it speaks of.
        link: Whether it stands between a sight and what that might be.
    """

    status: Status
    place: Span
    reach: Span
    link: bool = False

    def covers(self, mention: Mention) -> bool:
        """Whether it speaks of a finding: that is in its reach, or has the cue among its words."""
        reached = self.reach[0] <= mention.start and mention.end <= self.reach[1]
        return reached or (mention.start < self.place[1] and self.place[0] < mention.end)


def find_cues(sentence: str, cues: Cues) -> list[Cue]:
    """The cues of a sentence, in order.

    Of overlapping ones the first counts, of those the longest; a neutral phrase goes before all.
    """
    taken = cues.neutral.spans(sentence)
    told = [
        (span, status, kind)
        for kind, status, phrases in cues.each()
        for span in phrases.spans(sentence)
    ]
    found = []
    for span, status, kind in sorted(told, key=lambda one: (one[0][0], -one[0][1])):
        if any(span[0] < last and first < span[1] for first, last in taken):
            continue
        taken.append(span)
        found.append((span, status, kind))
    ends = {
        name: [span for span in phrases.spans(sentence) if not _overlaps(span, taken)]
        for name, phrases in cues.ends.items()
    }
    return [
        Cue(status, span, _reach(span, status, kind, ends, len(sentence)), kind == "link")
        for span, status, kind in found
    ]


def judged(mentions: Sequence[Mention], cues: Sequence[Cue]) -> list[Mention]:
    """Findings with the status that the cues give them; denial goes before doubt.

    In "a lesion, worrisome for a mass" both words say one finding, and the first is in as much
    doubt as the second.
    """
    found = [replace(mention, status=_status(mention, cues)) for mention in mentions]
    for cue in cues:
        if not cue.link:
            continue
        doubted = {m.finding for m in found if m.status == "uncertain" and cue.covers(m)}
        found = [
            replace(mention, status="uncertain")
            if mention.status == "present"
            and mention.finding in doubted
            and mention.end <= cue.place[0]
            else mention
            for mention in found
        ]
    return found


def _status(mention: Mention, cues: Sequence[Cue]) -> Status:
    given = {cue.status for cue in cues if cue.covers(mention)}
    if "absent" in given:
        return "absent"
    return "uncertain" if given else mention.status


def _overlaps(span: Span, taken: Sequence[Span]) -> bool:
    return any(span[0] < last and first < span[1] for first, last in taken)


def _reach(cue: Span, status: Status, kind: str, ends: dict[str, list[Span]], length: int) -> Span:
    start, end = cue[1], cue[0]
    if kind in {"after", "around"}:
        stops = [last for _, last in (*ends["all"], *ends["after"]) if last <= cue[0]]
        start = max(stops, default=0)
    if kind != "after":
        stops = [first for first, _ in (*ends["all"], *ends[status]) if first >= cue[1]]
        end = min(stops, default=length)
    return start, end
