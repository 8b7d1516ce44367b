"""Two sets of predictions of the same samples: paired differences, and many tests at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxrbench.errors import DataError
from cxrbench.metrics.base import Metric, MetricInput, MetricUnavailable
from cxrbench.metrics.bootstrap import bootstrap_weights, percentile_interval
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.score import LEAST_COMPLETE, aggregated, fitting_metric
from cxrbench.progress import track

Pair = tuple[MetricInput, MetricInput]
"""The predictions of two models of the same N samples in the same order."""

_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
"""Equal sums in another order differ in their last bits; no one means such a difference."""


class PairedDifference(BaseModel):
    """How far two sets of predictions are apart in one metric; None stands for undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    difference: float | None = Field(description="The first minus the second.")
    ci95: tuple[float, float] | None = Field(description="95 % interval of the difference.")
    p: float | None = Field(description="(c + 1) / (replicates + 1), two-sided.")
    p_holm: float | None = Field(description="The same, adjusted by Holm over the metrics.")
    reason: str | None = Field(default=None, description="Why there is no value.")


@dataclass(frozen=True, eq=False)
class PairedDraws:
    """One metric of S pairs of predictions, and its differences in bootstrap replicates.

    Attributes:
        values: (2, S) value of either side of each pair.
        by_name: (2, S, C) the same by name; C = 1 for metrics that pool names.
        drawn: (R,) difference in each replicate, mean over pairs; NaN where undefined.
        drawn_by_name: (R, C) the same by name.
    """

    values: FloatArray
    by_name: FloatArray
    drawn: FloatArray
    drawn_by_name: FloatArray

    @property
    def difference(self) -> float:
        """The first side minus the second, mean over pairs."""
        return float((self.values[0] - self.values[1]).mean())

    @property
    def difference_by_name(self) -> FloatArray:
        """(C,) the same by name."""
        return np.asarray((self.by_name[0] - self.by_name[1]).mean(axis=0))

    @property
    def p(self) -> float | None:
        """That of the shifted bootstrap: see `compare`."""
        return tail_p(self.drawn, self.difference, self.difference)


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
    metrics = {metric_id: fitting_metric(metric_id, first) for metric_id in metric_ids}
    draws, absent = paired_draws([(first, second)], metrics, groups, replicates, seed)
    found = {name: _unknown(reason) for name, reason in absent.items()}
    found.update({name: _difference(each) for name, each in draws.items()})
    tested = [name for name in metric_ids if found[name].p is not None]
    adjusted = holm([found[name].p or 0.0 for name in tested])
    for name, value in zip(tested, adjusted, strict=True):
        found[name] = found[name].model_copy(update={"p_holm": value})
    return {name: found[name] for name in metric_ids}


def paired_draws(
    pairs: Sequence[Pair],
    metrics: Mapping[str, Metric],
    groups: Sequence[str] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    title: str = "bootstrap",
) -> tuple[dict[str, PairedDraws], dict[str, str]]:
    """Differences of pairs of predictions in bootstrap replicates that all of them share.

    With several pairs, which are the seeds of two models, a replicate's difference is the mean of
    theirs: the groups are resampled, the trained models are not. As in `cxrbench.metrics.score`, a
    replicate is left out in which a name that is defined on all samples becomes undefined.

    Args:
        pairs: S pairs; an input that stands in several is evaluated once.
        metrics: What to compare, by id.
        groups: What is drawn together; None: each sample by itself.
        replicates: Bootstrap replicates; none are drawn where there is one group alone.
        seed: Seed of the draws.
        title: Of the progress bar.

    Returns:
        Metric id to draws, and to the reason for those that cannot be computed on this machine.

    Raises:
        DataError: When the numbers of samples differ.
    """
    n = _samples(pairs, groups)
    sides = list({id(side): side for pair in pairs for side in pair}.values())
    points: dict[str, dict[int, FloatArray]] = {}
    absent: dict[str, str] = {}
    for name, metric in metrics.items():
        try:
            points[name] = {id(side): metric.per_class(side) for side in sides}
        except MetricUnavailable as error:
            absent[name] = error.reason
    units = n if groups is None else len(set(groups))
    weights_of = bootstrap_weights(
        n if groups is None else groups, replicates if units > 1 and points else 0, seed
    )
    drawn: dict[str, list[tuple[FloatArray, FloatArray]]] = {name: [] for name in points}
    for weights in track(weights_of, title, total=replicates, weigh=len):
        for name, blocks in drawn.items():
            values = {id(side): metrics[name].per_class(side, weights) for side in sides}
            blocks.append(mean_differences(pairs, metrics[name], values, points[name]))
    return {
        name: _draws(pairs, metrics[name], points[name], drawn[name]) for name in points
    }, absent


def mean_differences(
    pairs: Sequence[Pair],
    metric: Metric,
    values: Mapping[int, FloatArray],
    points: Mapping[int, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """(R,) and (R, C) differences, mean over pairs.

    Args:
        pairs: S pairs.
        metric: Whose values they are.
        values: (R, C) values by name of each side, by the `id` of its input.
        points: (1, C) the same on all samples as they are.
    """
    whole = {key: aggregated(metric, points[key], found) for key, found in values.items()}
    one = [whole[id(first)] - whole[id(second)] for first, second in pairs]
    each = [values[id(first)] - values[id(second)] for first, second in pairs]
    return np.mean(one, axis=0), np.mean(each, axis=0)


def tail_p(drawn: FloatArray, centre: float, reach: float) -> float | None:
    """(c + 1) / (R + 1): c of R draws lie at least as far from the centre as `reach`.

    Args:
        drawn: (R,) draws; NaN is left out.
        centre: Where the draws are about, were there no difference.
        reach: The observed difference.

    Returns:
        Two-sided p; None where nothing was drawn, or `reach` is undefined.
    """
    defined = drawn[~np.isnan(drawn)]
    if not defined.size or np.isnan(reach):
        return None
    far = np.abs(defined - centre) >= abs(reach) * (1 - _RELATIVE) - _ABSOLUTE
    return (int(far.sum()) + 1) / (defined.size + 1)


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


def holm_known(p_values: Sequence[float | None]) -> list[float | None]:
    """As `holm`, over the tests that have a p."""
    adjusted: Iterator[float] = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _samples(pairs: Sequence[Pair], groups: Sequence[str] | None) -> int:
    """The number of samples of every side.

    Raises:
        DataError: When they differ.
    """
    sizes = [len(side) for pair in pairs for side in pair]
    if not sizes or len({*sizes, len(groups) if groups is not None else sizes[0]}) != 1:
        raise DataError(
            "the predictions cannot be compared",
            why=f"{' against '.join(map(str, sizes)) or 'no'} samples",
            fix="give predictions of the same samples",
        )
    return sizes[0]


def _draws(
    pairs: Sequence[Pair],
    metric: Metric,
    points: Mapping[int, FloatArray],
    blocks: Sequence[tuple[FloatArray, FloatArray]],
) -> PairedDraws:
    by_name = np.array([[points[id(pair[side])][0] for pair in pairs] for side in (0, 1)])
    return PairedDraws(
        values=np.array([metric.aggregate(side) for side in by_name]),
        by_name=by_name,
        drawn=np.concatenate([np.empty(0), *(one for one, _ in blocks)]),
        drawn_by_name=np.concatenate(
            [np.empty((0, by_name.shape[2])), *(each for _, each in blocks)]
        ),
    )


def _difference(draws: PairedDraws) -> PairedDifference:
    difference = draws.difference
    if np.isnan(difference):
        return _unknown("the metric is undefined on these samples")
    return PairedDifference(
        difference=difference,
        ci95=percentile_interval(draws.drawn, least_defined=LEAST_COMPLETE),
        p=draws.p,
        p_holm=None,
    )


def _unknown(reason: str) -> PairedDifference:
    return PairedDifference(difference=None, ci95=None, p=None, p_holm=None, reason=reason)
