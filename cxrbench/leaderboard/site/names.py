"""Telling rows of one name apart: one model with several weights or settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar

from cxrbench.leaderboard.board import Row

Key = TypeVar("Key", bound=Hashable)


def told_apart(rows: Mapping[Key, Row]) -> dict[Key, str]:
    """What each row has in its notes that others of its name have not; empty where it is alone."""
    same: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        same[row.name].append(row)
    words = {}
    for key, row in rows.items():
        others = same[row.name]
        own = [note for note in row.notes if not all(note in other.notes for other in others)]
        words[key] = "; ".join(own) if len(others) > 1 else ""
    return words
