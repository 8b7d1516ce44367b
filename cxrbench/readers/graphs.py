"""Entities of a report and how they are related, as RadGraph (Jain et al. 2021) has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_END = -1
"""Behind the entities, and behind the relations, of a graph that is kept as numbers."""


@dataclass(frozen=True)
class Entity:
    """A span of words that names an anatomy or an observation.

    Attributes:
        words: The words, divided by single blanks.
        label: `ANAT-DP`, `OBS-DP`, `OBS-U` or `OBS-DA` of RadGraph (definitely present, uncertain,
            definitely absent); RadGraph-XL has more.
        relations: (name, position of the other entity in the graph) of what starts here, such as
            (`located_at`, 3).
    """

    words: str
    label: str
    relations: tuple[tuple[str, int], ...] = ()


Graph = tuple[Entity, ...]
"""The entities of a report in the order of their first, then their last word."""


@dataclass(frozen=True)
class Spans:
    """A graph without its words: what may be kept of a report.

    Attributes:
        entities: First word, last word and label of each, as positions.
        relations: From, to (positions of entities) and name of each.
    """

    entities: tuple[tuple[int, int, int], ...]
    relations: tuple[tuple[int, int, int], ...]

    def row(self, size: int) -> npt.NDArray[np.int32]:
        """(size,) numbers, the first of which says how many there are; cut where they are more."""
        flat = [
            *(number for entity in self.entities for number in entity), _END,
            *(number for relation in self.relations for number in relation), _END,
        ]  # fmt: skip
        found = np.full(size, _END, np.int32)
        kept = [len(flat) + 1, *flat][:size]
        found[: len(kept)] = kept
        return found

    @classmethod
    def of_row(cls, row: npt.NDArray[np.int32]) -> Spans:
        """What `row` was made of; it has to be whole (its first number is at most its size)."""
        numbers = row[1 : row[0]].tolist()
        middle = numbers.index(_END)
        parts = (numbers[:middle], numbers[middle + 1 : -1])
        entities, relations = (
            tuple((part[i], part[i + 1], part[i + 2]) for i in range(0, len(part), 3))
            for part in parts
        )
        return cls(entities, relations)

    def graph(self, words: Sequence[str], labels: Sequence[str], names: Sequence[str]) -> Graph:
        """The graph, with the words of the report it was read from.

        Args:
            words: Of the report.
            labels: Of entities.
            names: Of relations.
        """
        found: list[list[tuple[str, int]]] = [[] for _ in self.entities]
        for source, target, name in self.relations:
            found[source].append((names[name], target))
        return tuple(
            Entity(" ".join(words[first : last + 1]), labels[label], tuple(relations))
            for (first, last, label), relations in zip(self.entities, found, strict=True)
        )
