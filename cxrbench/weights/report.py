"""How a checkpoint fitted an encoder, free of torch so that planning can speak of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True)
class LoadReport:
    """What was loaded.

    Attributes:
        matched: Encoder tensors that were filled.
        total: Encoder tensors that had to be.
        by_order: Whether names were matched by order and shape.
        complete: Whether every tensor was filled, the optional ones included; counters of batch
            norms aside, which change nothing that is computed.
    """

    matched: int
    total: int
    by_order: bool = False
    complete: bool = False

    @property
    def warnings(self) -> list[str]:
        """What a reader of the record should know about the match."""
        if self.by_order:
            return ["weights were matched by order and shape: their names differ"]
        return []


def some(word: str, names: Sequence[str]) -> list[str]:
    """A line that counts names and shows the first few; none when there are none."""
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{len(names)} {word}: {', '.join(names[:_SHOWN])}{more}"]
