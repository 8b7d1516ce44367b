"""How well each finding, and its absence, fits every image: one number from several prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cxrbench.errors import PluginError
from cxrbench.runners.comparing import way_to_compare
from cxrbench.runners.comparison import Comparison
from cxrbench.runners.zero_shot.recipe import ZeroShotRecipe
from cxrbench.runners.zero_shot.scores import Array, probabilities, prototypes, standardised


@dataclass(frozen=True)
class Evidence:
    """What an encoder says of the images with every prompt; each context is asked for once.

    Attributes:
        found: The encoder before the images.
        recipe: The prompts, and what is made of them.
    """

    found: Comparison
    recipe: ZeroShotRecipe
    _kept: dict[bool, Array] = field(default_factory=dict, repr=False)

    def scores(self, context: bool, chosen: Sequence[int]) -> Array:
        """N×C in 0..1.

        Args:
            context: Whether the encoder is told the clinical context.
            chosen: Which of the prompts of each finding are used.
        """
        way = way_to_compare(self.found.job.model)
        if way is None:
            known = self._vocabulary(context)
            return standardised(known) if self.recipe.standardise else known
        labels = len(self._labels)
        fits = self._fits(context, chosen)
        contrast = fits.shape[1] > labels
        difference = fits[:, :labels] - fits[:, labels:] if contrast else fits
        if self.recipe.standardise:
            return standardised(difference)
        return probabilities(difference, way, contrast=contrast)

    def _fits(self, context: bool, chosen: Sequence[int]) -> Array:
        """N×G: the findings, then what they are held against."""
        joint = way_to_compare(self.found.job.model) == "joint"
        if joint and self.recipe.pool == "prototype":
            described = prototypes(self._vectors[:, chosen])
            fits: Array = self.found.image_vectors(context) @ described.T
            return fits
        if context not in self._kept:
            each = self.found.similarities(self._texts, context)
            self._kept[context] = each.reshape(-1, *self._shape)
        each = self._kept[context][:, :, chosen]
        pooled: Array = each.max(axis=2) if self.recipe.pool == "max" else each.mean(axis=2)
        return pooled

    def _vocabulary(self, context: bool) -> Array:
        """N×C probabilities that a closed vocabulary gives the findings."""
        known = self.found.job.model.vocabulary
        names = [known[each.name] for each in self.recipe.prompts.findings_of(self._labels)]
        classes = list(self.found.encoder.classes)
        unknown = [name for name in names if name not in classes]
        if unknown:
            raise PluginError(
                f"the encoder has no finding {unknown[0]}",
                why="`vocabulary` of its card names it, `classes` does not",
                fix="correct the card",
            )
        positions = [classes.index(name) for name in names]
        columns: Array = self.found.class_probabilities(context)[:, positions]
        return columns

    @cached_property
    def _vectors(self) -> Array:
        """G×P×D of the P prompts of each finding."""
        return self.found.text_vectors(self._texts).reshape(*self._shape, -1)

    @property
    def _labels(self) -> tuple[str, ...]:
        return self.found.job.data.labels

    @property
    def _texts(self) -> list[str]:
        prompts = self.recipe.prompts
        described = [*prompts.findings_of(self._labels), *prompts.against]
        return [text for each in described for text in each.texts]

    @property
    def _shape(self) -> tuple[int, int]:
        prompts = self.recipe.prompts
        return len(prompts.findings) + len(prompts.against), prompts.count
