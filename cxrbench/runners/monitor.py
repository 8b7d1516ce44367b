"""The number that selection looks at."""

from __future__ import annotations

from cxrbench.metrics.base import MetricInput, evaluate
from cxrbench.metrics.score import fitting_metric
from cxrbench.runners.recipe import Select


def monitored(select: Select, data: MetricInput) -> float:
    """The value of the selection metric, higher is better; NaN where it is undefined.

    Raises:
        BadRequest: When the metric is computed from something else.
    """
    total = 0.0
    for metric_id in select.metrics:
        metric = fitting_metric(metric_id, data)
        value = evaluate(metric, data).value
        value = value if metric.higher_is_better else -value
        total += value if select.decimals is None else round(value, select.decimals)
    return total
