"""The base of metrics of labels."""

from __future__ import annotations

from dataclasses import dataclass

from cxrbench.metrics.base import BaseMetric
from cxrbench.metrics.inputs import ClassificationInput


@dataclass(frozen=True, kw_only=True)
class LabelMetric(BaseMetric[ClassificationInput]):
    """A metric of label scores: classification and zero-shot classification."""

    @property
    def input_type(self) -> type[ClassificationInput]:
        """Scores and labels."""
        return ClassificationInput
