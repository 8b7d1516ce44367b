"""Score predictions: values, trivial floors and patient-clustered intervals, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxrbench.errors import BadRequest, DataError, WeightsError
from cxrbench.metrics.base import Metric, MetricInput, MetricUnavailable, names_of
from cxrbench.metrics.bootstrap import bootstrap_weights, percentile_interval
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.registry import get_metric

LEAST_COMPLETE = 0.2
"""Share of the replicates in which every label must be defined for an interval of the mean.

With a dozen rare labels most replicates of a small split lose one of them; the interval is then
that of the replicates that have them all, and the number left out is reported."""


class ScoredMetric(BaseModel):
    """One metric of one run at full precision; None stands for undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float | None
    n: int = Field(description="Samples that count.")
    n_per_class: dict[str, int] = Field(description="Samples that count, by name.")
    per_class: dict[str, float | None] | None = Field(
        default=None, description="Value by name; None for pooled (micro) metrics."
    )
    ci95: tuple[float, float] | None = Field(
        default=None, description="95 % interval of sampling uncertainty, lower and upper bound."
    )
    ci95_per_class: dict[str, tuple[float, float] | None] = Field(
        default_factory=dict,
        description="Interval of each label, from the replicates in which that label is defined.",
    )
    ci_method: str | None = Field(
        default=None, description="`bootstrap-<unit>-percentile-<replicates>`."
    )
    undefined_replicates: int = Field(
        default=0, description="Replicates left out because a label lost one of its classes."
    )
    floor: float | None = Field(description="Value of the best constant predictor.")
    higher_is_better: bool
    unit: str = Field(default="fraction", description="What the number counts.")
    impl: str = Field(description="Module that computed it.")
    readers: dict[str, str] | None = Field(
        default=None, description="SHA-256 of the files of the models that read the texts."
    )
    reason: str | None = Field(
        default=None, description="Why there is no value, where a program or weights are absent."
    )


def score(
    data: MetricInput,
    metric_ids: Sequence[str],
    groups: Sequence[str] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, ScoredMetric]:
    """Score one split under several metrics.

    All metrics see the same bootstrap replicates. A replicate in which a label that is defined on
    the full split becomes undefined is left out and counted: a mean over fewer labels would be
    another number.

    Args:
        data: N samples.
        metric_ids: Ids known to `get_metric`.
        groups: Patient of each sample; None: samples are resampled one by one.
        replicates: Bootstrap replicates; 0: no interval.
        seed: Seed of the bootstrap.

    Returns:
        Metric id to result, in the order asked for. `ci95` is None without replicates, with fewer
        than two groups, where the value is undefined, or where four in five replicates
        lack a label. A metric that cannot be computed on this machine has no value and a reason.

    Raises:
        UnknownNameError: When a metric is not known.
        BadRequest: When a metric does not apply to this kind of input, or to these labels.
        DataError: When `groups` does not fit the samples.
    """
    n = len(data)
    if groups is not None and len(groups) != n:
        raise DataError(
            "patients do not fit the samples",
            why=f"{len(groups)} patient ids for {n} samples",
            fix="give one patient id a sample, in the order of the scores",
        )
    metrics = {metric_id: fitting_metric(metric_id, data) for metric_id in metric_ids}
    points, absent = _points(metrics, data)
    resampled = {metric_id: [np.empty((0, points[metric_id].shape[1]))] for metric_id in points}
    units = n if groups is None else len(set(groups))
    draws = replicates if units > 1 and points else 0
    for weights in bootstrap_weights(n if groups is None else groups, draws, seed):
        for metric_id in points:
            resampled[metric_id].append(metrics[metric_id].per_class(data, weights))
    unit = "sample" if groups is None else "patient"
    method = f"bootstrap-{unit}-percentile-{draws}" if draws else None
    return {
        metric_id: _scored(
            metric, data, points[metric_id], np.concatenate(resampled[metric_id]), method
        )
        if metric_id in points
        else _without_value(metric, data, absent[metric_id])
        for metric_id, metric in metrics.items()
    }


def _points(
    metrics: Mapping[str, Metric], data: MetricInput
) -> tuple[dict[str, FloatArray], dict[str, MetricUnavailable]]:
    """(1, C) values of each metric, and why others have none."""
    points: dict[str, FloatArray] = {}
    absent: dict[str, MetricUnavailable] = {}
    for metric_id, metric in metrics.items():
        try:
            points[metric_id] = metric.per_class(data)
        except MetricUnavailable as error:
            absent[metric_id] = error
    return points, absent


def _without_value(metric: Metric, data: MetricInput, error: MetricUnavailable) -> ScoredMetric:
    return ScoredMetric(
        value=None,
        n=data.n,
        n_per_class=data.n_by_name,
        floor=None,
        higher_is_better=metric.higher_is_better,
        unit=metric.unit,
        impl=type(metric).__module__,
        reason=error.reason,
    )


def fitting_metric(metric_id: str, data: MetricInput) -> Metric:
    """The metric of that id.

    Raises:
        UnknownNameError: When it is not known.
        BadRequest: When it is computed from something else than what `data` holds.
    """
    metric = get_metric(metric_id)
    if not isinstance(data, metric.input_type):
        raise BadRequest(
            f"{metric_id} is not defined here",
            why=f"it is computed from {metric.input_type.__name__}, "
            f"this task gives {type(data).__name__}",
            fix="ask for a metric of this kind of task (docs/metrics.md)",
        )
    return metric


def aggregated(metric: Metric, point: FloatArray, replicates: FloatArray) -> FloatArray:
    """(R,) values; NaN where a label defined in `point` (1, C) is undefined in the replicate."""
    lost = (np.isnan(replicates) & ~np.isnan(point)).any(axis=1)
    return np.where(lost, np.nan, metric.aggregate(replicates))


def _scored(
    metric: Metric,
    data: MetricInput,
    point: FloatArray,
    replicates: FloatArray,
    method: str | None,
) -> ScoredMetric:
    value = _number(float(metric.aggregate(point)[0]))
    resampled = aggregated(metric, point, replicates)
    interval = None
    if value is not None:
        interval = percentile_interval(resampled, least_defined=LEAST_COMPLETE)
    per_class: dict[str, float | None] | None = None
    intervals: dict[str, tuple[float, float] | None] = {}
    if metric.averaging == "macro":
        names = names_of(metric, data)
        per_class = {k: _number(v) for k, v in zip(names, point[0].tolist(), strict=True)}
        intervals = {
            name: None if per_class[name] is None else percentile_interval(column)
            for name, column in zip(names, replicates.T, strict=True)
        }
    counted = metric.counted(data)
    any_interval = interval is not None or any(intervals.values())
    return ScoredMetric(
        value=value,
        n=counted.n,
        n_per_class=counted.by_name,
        per_class=per_class,
        ci95=interval,
        ci95_per_class=intervals,
        ci_method=method if any_interval else None,
        undefined_replicates=int(np.isnan(resampled).sum()),
        floor=_floor(metric, data),
        higher_is_better=metric.higher_is_better,
        unit=metric.unit,
        impl=type(metric).__module__,
        readers=_reader_files(metric),
    )


def _floor(metric: Metric, data: MetricInput) -> float | None:
    try:
        return _number(metric.floor(data))
    except MetricUnavailable:
        return None  # unlike the value, it needs what is not here


def _reader_files(metric: Metric) -> dict[str, str] | None:
    """SHA-256 of the files of the models that have read for a value; None where none has."""
    names: tuple[str, ...] = getattr(metric, "readers", ())
    if not names:
        return None
    from cxrbench.readers import find_reader

    try:
        found = [find_reader(name, fetch=False).sha256 for name in names]
    except WeightsError:
        return None  # no text had to be read for this value
    return {file: digest for one in found for file, digest in one.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
