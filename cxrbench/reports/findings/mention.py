"""What a report says of one finding, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["present", "absent", "uncertain"]

OTHER = "Other Finding"
"""What is none of the 14, such as emphysema or a hernia; a report that has one is not normal."""

RANK: tuple[Status, ...] = ("absent", "uncertain", "present")
"""What is said of a finding in one place goes before what is said in another, the last first."""


@dataclass(frozen=True)
class Mention:
    """One place where a report speaks of a finding.

    Attributes:
        finding: One of `FINDINGS` but "No Finding", or `OTHER`.
        start: First character of the words that say it.
        end: The character behind the last.
        status: What is said of it.
    """

    finding: str
    start: int
    end: int
    status: Status
