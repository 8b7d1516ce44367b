"""Metrics under spelled-out ids, with trivial floors and patient-clustered intervals."""

from cxrbench.metrics.base import (
    BaseMetric,
    Counted,
    Metric,
    MetricInput,
    MetricValue,
    evaluate,
)
from cxrbench.metrics.bootstrap import bootstrap_weights, percentile_interval
from cxrbench.metrics.f1 import choose_thresholds
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.labels import LabelMetric
from cxrbench.metrics.registry import get_metric, metric_ids, plugin_problems
from cxrbench.metrics.score import ScoredMetric, score

__all__ = [
    "BaseMetric",
    "ClassificationInput",
    "Counted",
    "LabelMetric",
    "Metric",
    "MetricInput",
    "MetricValue",
    "ScoredMetric",
    "bootstrap_weights",
    "choose_thresholds",
    "evaluate",
    "get_metric",
    "metric_ids",
    "percentile_interval",
    "plugin_problems",
    "score",
]
