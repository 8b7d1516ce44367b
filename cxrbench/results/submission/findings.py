"""What a check says of a record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Include = Literal["failed", "unranked", "dirty"]
INCLUDABLE: tuple[Include, ...] = get_args(Include)
"""What is refused unless it is asked for: failed runs, runs that are never ranked, and runs of code
that no commit tells."""


@dataclass(frozen=True)
class Finding:
    """One line of a check.

    Attributes:
        where: The part of the record, such as `metrics.auroc-macro.value`.
        what: What is so, and how it should be.
        fix: What to do about it.
        refused: Whether the record is refused for it; else it is told for a reviewer to judge.
    """

    where: str
    what: str
    fix: str
    refused: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)
