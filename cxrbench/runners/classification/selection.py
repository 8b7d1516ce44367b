"""The number that selection looks at."""

from __future__ import annotations

import numpy as np

from cxrbench.metrics.base import evaluate
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.registry import get_metric
from cxrbench.predictions import LabelScores
from cxrbench.runners.recipe import Select


def monitor(select: Select, predictions: LabelScores) -> float:
    """The value of the selection metric, higher is better; NaN where it is undefined."""
    labels = predictions.labels.astype(np.float64)
    data = ClassificationInput(predictions.scores, labels, predictions.names)
    total = 0.0
    for metric_id in filter(None, (select.metric, select.plus)):
        metric = get_metric(metric_id)
        value = evaluate(metric, data).value
        value = value if metric.higher_is_better else -value
        total += value if select.decimals is None else round(value, select.decimals)
    return total
