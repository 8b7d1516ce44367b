"""Two sets of predictions of the same samples: paired differences, and many tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxrbench.errors import DataError
from cxrbench.metrics.base import MetricInput, MetricUnavailable
from cxrbench.metrics.bootstrap import bootstrap_weights, percentile_interval
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.score import fitting_metric


class PairedDifference(BaseModel):
    """How far two sets of predictions are apart in one metric; None stands for undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    difference: float | None = Field(description="The first minus the second.")
    ci95: tuple[float, float] | None = Field(description="95 % interval of the difference.")
    p: float | None = Field(description="(c + 1) / (replicates + 1), two-sided.")
    p_holm: float | None = Field(description="The same, adjusted by Holm over the metrics.")
    reason: str | None = Field(default=None, description="Why there is no value.")


def compare(
    first: MetricInput,
    second: MetricInput,
    metric_ids: Sequence[str],
    groups: Sequence[str] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, PairedDifference]:
    """Compare two sets of predictions of the same N samples in the same order.

    Both see the same draws, so that what makes a sample hard cancels out. p counts the replicates
    whose difference lies at least as far from the observed one as that lies from 0 (the bootstrap
    under the hypothesis of no difference, by shifting; Efron and Tibshirani 1993, section 16.4).

    Args:
        first: One set.
        second: The other.
        metric_ids: What to compare; Holm's adjustment is over those that have a value.
        groups: What is drawn together, such as the patient of each sample; None: each sample.
        replicates: Bootstrap replicates.
        seed: Seed of the draws.

    Raises:
        DataError: When the numbers of samples differ.
        CxrbenchError: As `cxrbench.metrics.score` does.
    """
    n = len(first)
    if len(second) != n or (groups is not None and len(groups) != n):
        raise DataError(
            "the predictions cannot be compared",
            why=f"{n} samples against {len(second)}",
            fix="give predictions of the same samples",
        )
    observed: dict[str, float] = {}
    found: dict[str, PairedDifference] = {}
    metrics = {metric_id: fitting_metric(metric_id, first) for metric_id in metric_ids}
    for metric_id, metric in metrics.items():
        try:
            sides = [metric.aggregate(metric.per_class(side))[0] for side in (first, second)]
            observed[metric_id] = float(sides[0] - sides[1])
        except MetricUnavailable as error:
            found[metric_id] = _unknown(error.reason)
    drawn: dict[str, list[FloatArray]] = {metric_id: [] for metric_id in observed}
    units = n if groups is None else len(set(groups))
    for weights in bootstrap_weights(
        n if groups is None else groups, replicates if units > 1 else 0, seed
    ):
        for metric_id, blocks in drawn.items():
            metric = metrics[metric_id]
            one, other = (
                metric.aggregate(metric.per_class(side, weights)) for side in (first, second)
            )
            blocks.append(one - other)
    for metric_id, difference in observed.items():
        found[metric_id] = _difference(difference, np.concatenate([np.empty(0), *drawn[metric_id]]))
    tested = [name for name in metric_ids if found[name].p is not None]
    adjusted = holm([found[name].p or 0.0 for name in tested])
    for name, value in zip(tested, adjusted, strict=True):
        found[name] = found[name].model_copy(update={"p_holm": value})
    return {name: found[name] for name in metric_ids}


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979), in the order given.

    Args:
        p_values: Of the tests of one family.
    """
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = reached
    return adjusted


def _difference(difference: float, drawn: FloatArray) -> PairedDifference:
    if np.isnan(difference):
        return _unknown("the metric is undefined on these samples")
    defined = drawn[~np.isnan(drawn)]
    p = None
    if defined.size:
        # A hair of room, since equal sums in another order differ in the last bit.
        far = np.abs(defined - difference) >= abs(difference) - 1e-12
        p = (int(far.sum()) + 1) / (defined.size + 1)
    return PairedDifference(
        difference=difference, ci95=percentile_interval(drawn), p=p, p_holm=None
    )


def _unknown(reason: str) -> PairedDifference:
    return PairedDifference(difference=None, ci95=None, p=None, p_holm=None, reason=reason)
