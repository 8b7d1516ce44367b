"""Metrics that are means over pairs of reports, each pair read by a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric, MetricUnavailable
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.weights import sample_weights


@dataclass(frozen=True, kw_only=True)
class PairMean(BaseMetric[TextInput]):
    """A mean of values of pairs.

    Attributes:
        values: Corpus to (N, K) values of its pairs; metrics with the same function share them.
        column: Which of the K it is the mean of.
        inverse: Whether the value is 1 over the mean, where the mean is above 0.
    """

    values: Callable[[Corpus], FloatArray]
    column: int = 0
    inverse: bool = False

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts."""
        return TextInput

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1) weighted mean; NaN where no pair is drawn.

        Raises:
            MetricUnavailable: When a reader or a program is absent.
        """
        drawn = sample_weights(weights, len(data))
        means = ratio(drawn @ self._of_pairs(data), drawn.sum(axis=1))[:, None]
        if self.inverse:
            with np.errstate(divide="ignore"):
                return np.where(means > 0, 1 / means, np.nan)
        return means

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.per_class(data.constant)[0, 0])

    def per_sample(self, data: TextInput) -> FloatArray | None:
        """(N,) value of each pair; None of an inverse, and where it cannot be computed here."""
        if self.inverse:
            return None
        try:
            return self._of_pairs(data)
        except MetricUnavailable:
            return None

    def _of_pairs(self, data: TextInput) -> FloatArray:
        return data.once(self.values, self.values)[:, self.column]
