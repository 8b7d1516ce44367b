"""The number that selection looks at."""

from __future__ import annotations

import numpy as np

from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.predictions import LabelScores
from cxrbench.runners.monitor import monitored
from cxrbench.runners.recipe import Select


def monitor(select: Select, predictions: LabelScores) -> float:
    """The value of the selection metric, higher is better; NaN where it is undefined."""
    labels = predictions.labels.astype(np.float64)
    data = ClassificationInput(predictions.scores, labels, predictions.names)
    return monitored(select, data)
