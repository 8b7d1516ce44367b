"""Scoring as every runner does it: metrics, the same by subgroup, and sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cxrbench.data.samples import Sample
from cxrbench.metrics.base import MetricInput
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.score import ScoredMetric, fitting_metric, score
from cxrbench.metrics.subgroups import large_enough, subgroups

Scored = dict[str, ScoredMetric]


@dataclass(frozen=True)
class Scores:
    """The scores of one run, by metric id.

    Attributes:
        metrics: On the whole test split.
        subgroups: On parts of it, by name, where enough patients are in them.
        conditions: On the whole of it, with something done otherwise, by its name.
        per_sample: Value of each test sample, of metrics that have one.
        small_subgroups: How many parts are left out, since too few patients are in them.
    """

    metrics: Scored
    subgroups: Mapping[str, Scored] = field(default_factory=dict)
    conditions: Mapping[str, Scored] = field(default_factory=dict)
    per_sample: Mapping[str, FloatArray] = field(default_factory=dict)
    small_subgroups: int = 0


def score_all(
    data: MetricInput,
    samples: Sequence[Sample],
    metric_ids: Sequence[str],
    conditions: Mapping[str, MetricInput] | None = None,
) -> Scores:
    """Score the test split in every way.

    Args:
        data: N samples.
        samples: What is known about them.
        metric_ids: What to compute.
        conditions: The same samples with something done otherwise, by its name.

    Raises:
        CxrbenchError: As `cxrbench.metrics.score` does.
    """
    patients = [sample.patient for sample in samples]
    every = subgroups(samples)
    shown = {name: rows for name, rows in every.items() if large_enough(rows, patients)}
    per_sample = {name: fitting_metric(name, data).per_sample(data) for name in metric_ids}
    return Scores(
        metrics=score(data, metric_ids, patients),
        subgroups={
            name: score(data.take(rows), metric_ids, [patients[row] for row in rows])
            for name, rows in shown.items()
        },
        conditions={
            name: score(other, metric_ids, patients) for name, other in (conditions or {}).items()
        },
        per_sample={name: values for name, values in per_sample.items() if values is not None},
        small_subgroups=len(every) - len(shown),
    )
