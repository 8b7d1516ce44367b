"""What the cards of this environment say of a run, for its record to be compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cxrbench.cards import ModelCard, TaskCard


@dataclass(frozen=True)
class Known:
    """The cards behind a run spec; None where no installed plugin has them.

    Attributes:
        task: The task card.
        recipe: What the protocol asks of this model on this task, in canonical form; None also
            where the task does not allow the protocol.
        model: The model card.
        provider: The distribution that offers it; empty where there is none.
        encoder: Hash of what the card says of the encoder (see `cxrbench.identity`).
    """

    task: TaskCard | None = None
    recipe: dict[str, Any] | None = None
    model: ModelCard | None = None
    provider: str = ""
    encoder: str | None = None

    @property
    def words(self) -> set[str]:
        """Every text that a record may hold because a card here holds it."""
        found = set(_texts(self.recipe))
        if self.task is not None:
            data = self.task.dataset
            found |= {data.title, data.release, *data.labels, *self.task.labels}
        return found


def _texts(value: object) -> Iterator[str]:
    """Every text in nested JSON, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
