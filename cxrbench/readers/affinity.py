"""How well the entities of two reports match, as RaTEScore (Zhao et al. 2024) says.

Every entity of a report meets the most similar one of the other report. A side's value is the mean
of their cosines, weighted by the affinity of the two types; a cosine is multiplied by `opposite`
where one type denies what the other states. The score is the harmonic mean of both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cxrbench.readers.entities import Found

_NOTHING = 0.5
"""The score where a report has no entity."""
_DENIED = frozenset({"NON-ABNORMALITY", "NON-DISEASE"})
_STATED = frozenset({"ABNORMALITY", "DISEASE"})


@dataclass(frozen=True)
class Affinity:
    """Weights of pairs of types.

    Attributes:
        places: Row and column of each type.
        weights: (T, T); rows are those of the side that looks for its match.
        opposite: See the module.
    """

    places: Mapping[str, int]
    weights: npt.NDArray[np.float64]
    opposite: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Affinity:
        """What the card of the reader says."""
        places = {name: place for place, name in enumerate(config["types"])}
        return cls(places, np.array(config["affinity"], np.float64), float(config["opposite"]))

    def score(
        self, reference: Sequence[Found], generated: Sequence[Found], vectors: Mapping[str, Tensor]
    ) -> float:
        """The score of two reports, 0.5 where one of them has no entity.

        Args:
            reference: Its entities.
            generated: Those of the generated report.
            vectors: Unit vector of the words of each entity.
        """
        if not reference or not generated:
            return _NOTHING
        left = self.side(reference, generated, vectors)
        right = self.side(generated, reference, vectors)
        return 2 * left * right / (left + right) if left + right else 0.0

    def side(
        self, own: Sequence[Found], others: Sequence[Found], vectors: Mapping[str, Tensor]
    ) -> float:
        """The value of the side of `own`.

        The most similar is found for one after the other, by `topk`, as in the package: an entity
        that stands twice in a report, with two types, is twice as similar, and which of both is
        met is decided here.
        """
        theirs = torch.stack([vectors[one.text] for one in others])
        weighted = total = 0.0
        for one in own:
            best = torch.matmul(theirs, vectors[one.text]).topk(1)
            met = others[int(best.indices[0])]
            weight = float(self.weights[self.places[one.kind], self.places[met.kind]])
            kinds = {one.kind, met.kind}
            denied = kinds & _DENIED and kinds & _STATED
            weighted += weight * float(best.values[0]) * (self.opposite if denied else 1.0)
            total += weight
        return weighted / total if total else 0.0
