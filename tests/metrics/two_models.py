"""Made-up predictions of two models for the same images, several of each patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrbench.metrics import ClassificationInput


@dataclass(frozen=True)
class World:
    """Who is given what; every patient has as many images, in one block.

    Attributes:
        patients: How many.
        images: Of each.
        labels: How many.
        gap: How much further apart the first model's classes are, in standard deviations.
        squashed: Whether the second model's scores all lie between 0.9 and 1.
    """

    patients: int = 40
    images: int = 2
    labels: int = 1
    gap: float = 0.0
    squashed: bool = False

    def draw(self, seed):
        """Predictions of both models, and the patient of each image.

        Both models see the same patients: half of what varies is common to them, and half of the
        rest to all images of a patient.
        """
        rng = np.random.default_rng(seed)
        member = np.repeat(np.arange(self.patients), self.images)
        shape = (self.patients, self.labels)
        ill = rng.random(shape) < 0.4
        ill[0], ill[-1], ill[1], ill[-2] = False, True, False, True
        truth = ill[member].astype(float)

        def noise():
            return rng.normal(size=shape)[member] + 0.5 * rng.normal(
                size=(len(member), self.labels)
            )

        common = noise()
        first = (1 + self.gap) * truth + common + noise()
        second = truth + common + noise()
        scores = [1 / (1 + np.exp(-values)) for values in (first, second)]
        if self.squashed:
            scores[1] = 0.9 + 0.1 * scores[1]
        names = [f"c{i}" for i in range(self.labels)]
        sides = [ClassificationInput(each, truth, names) for each in scores]
        return sides[0], sides[1], [f"p{i:03}" for i in member]
