"""Two models on the same samples: the difference, its interval, and whether it is chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxrbench.metrics.auroc import AurocMacro, AurocMicro
from cxrbench.metrics.base import Metric
from cxrbench.metrics.bootstrap import percentile_interval
from cxrbench.metrics.delong import DeLong, delong
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.paired import Pair, PairedDraws, holm_known, paired_draws
from cxrbench.metrics.randomisation import RandomisationP, randomisation
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.score import LEAST_COMPLETE, fitting_metric

Interval = tuple[float, float]


class Difference(BaseModel):
    """How far two models are apart, in one metric or one label; None stands for undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    first: float | None = Field(description="Mean over seeds.")
    second: float | None
    difference: float | None = Field(description="The first minus the second.")
    ci95: Interval | None = Field(
        default=None, description="95 % interval of the difference, paired bootstrap."
    )
    p: float | None = Field(default=None, description="Approximate randomisation, two-sided.")
    p_holm: float | None = Field(
        default=None, description="`p` adjusted by Holm: over the family, or over the labels."
    )
    delong: DeLong | None = Field(default=None, description="Of AUROCs, as a check.")


class Significance(Difference):
    """One metric of two models on the same samples."""

    se: float | None = Field(default=None, description="Standard error, paired bootstrap.")
    effect: float | None = Field(
        default=None,
        description="The difference over the standard deviation of what patients add to it.",
    )
    effect_ci95: Interval | None = None
    p_bootstrap: float | None = Field(default=None, description="Shifted paired bootstrap.")
    by_seed: list[float | None] = Field(description="Difference of each seed.")
    by_label: dict[str, Difference] = Field(default_factory=dict)
    undefined_replicates: int = Field(
        default=0, description="Bootstrap replicates left out because a label lost a class."
    )
    n: int = Field(description="Samples that count.")
    groups: int = Field(description="Patients, which were resampled and exchanged.")
    higher_is_better: bool
    unit: str
    reason: str | None = Field(default=None, description="Why there is no value.")


def significance(
    pairs: Sequence[Pair],
    metric_ids: Sequence[str],
    groups: Sequence[str],
    replicates: int = 1000,
    seed: int = 0,
    title: str = "comparing",
) -> dict[str, Significance]:
    """Compare two models whose predictions of the same N samples stand in the same order.

    Values are means over seeds, in each replicate too: the trained models are held fixed and the
    patients are resampled. p is that of approximate randomisation, which is exact when the models
    are alike; the interval is that of the paired bootstrap, which estimates how large a difference
    is. The shifted bootstrap and DeLong's test answer the question of p in other ways.

    Args:
        pairs: The predictions of both for each seed.
        metric_ids: What to compare.
        groups: Patient of each sample.
        replicates: Of the bootstrap, and of the randomisation.
        seed: Seed of the draws.
        title: Of the progress bars.

    Returns:
        Metric id to result, in the order asked for; `p_holm` is left to whoever knows the family.

    Raises:
        UnknownNameError: When a metric is not known.
        BadRequest: When a metric does not apply to this kind of input.
        DataError: When the numbers of samples differ.
    """
    metrics = {metric_id: fitting_metric(metric_id, pairs[0][0]) for metric_id in metric_ids}
    draws, absent = paired_draws(pairs, metrics, groups, replicates, seed, f"{title}: bootstrap")
    units = len(set(groups))
    tests = randomisation(
        pairs, metrics, draws, groups, replicates if units > 1 else 0, seed, f"{title}: exchanging"
    )
    return {
        name: _found(pairs, metric, draws[name], tests[name], groups)
        if name in draws
        else _without(pairs, metric, absent[name], units)
        for name, metric in metrics.items()
    }


def standardised(difference: float, se: float, groups: int) -> float | None:
    """A difference in standard deviations of what each group (patient) adds to it.

    For a mean over patients it is Cohen's d of paired values (1988, section 2.3.5, his d_z): the
    mean difference over the standard deviation of the differences. For other metrics the standard
    deviation is that of the influence of a patient, which se * sqrt(groups) estimates. It does not
    grow with the number of patients, as z and p do. The common language effect size, or
    probability of superiority, is as standard, but needs a value of each sample, which an AUROC
    has not.

    Args:
        difference: Between two models.
        se: Standard error of the difference.
        groups: Number of groups G.

    Returns:
        d; None where nothing varies.
    """
    return difference / (se * math.sqrt(groups)) if se > 0 else None


def _found(
    pairs: Sequence[Pair],
    metric: Metric,
    draws: PairedDraws,
    test: RandomisationP,
    groups: Sequence[str],
) -> Significance:
    units = len(set(groups))
    first, second = (_number(side.mean()) for side in draws.values)
    difference = _number(draws.difference)
    undefined = int(np.isnan(draws.drawn).sum())
    interval = None
    if difference is not None:
        interval = percentile_interval(draws.drawn, least_defined=LEAST_COMPLETE)
    se = None if interval is None else float(np.nanstd(draws.drawn, ddof=1))
    effect = None if se is None else standardised(draws.difference, se, units)
    spread = None
    if effect is not None and interval is not None and se is not None:
        spread = tuple(standardised(bound, se, units) for bound in interval)
    whole, each = _delong(pairs, metric, groups)
    return Significance(
        first=first,
        second=second,
        difference=difference,
        ci95=interval,
        se=se,
        effect=effect,
        effect_ci95=cast("Interval | None", spread),
        p=test.p,
        p_bootstrap=None if interval is None else draws.p,
        delong=whole,
        by_seed=[_number(gap) for gap in draws.values[0] - draws.values[1]],
        by_label=_by_label(pairs, metric, draws, test, each),
        undefined_replicates=undefined,
        n=metric.counted(pairs[0][0]).n,
        groups=units,
        higher_is_better=metric.higher_is_better,
        unit=metric.unit,
        reason=None if difference is not None else "the metric is undefined on these samples",
    )


def _by_label(
    pairs: Sequence[Pair],
    metric: Metric,
    draws: PairedDraws,
    test: RandomisationP,
    checks: Sequence[DeLong | None],
) -> dict[str, Difference]:
    if metric.averaging != "macro":
        return {}
    names = list(pairs[0][0].names)
    values = draws.by_name.mean(axis=1)
    adjusted = holm_known(test.by_name)
    return {
        name: Difference(
            first=_number(values[0, c]),
            second=_number(values[1, c]),
            difference=_number(draws.difference_by_name[c]),
            ci95=_label_interval(draws, c),
            p=test.by_name[c],
            p_holm=adjusted[c],
            delong=checks[c] if checks else None,
        )
        for c, name in enumerate(names)
    }


def _label_interval(draws: PairedDraws, column: int) -> Interval | None:
    if np.isnan(draws.difference_by_name[column]):
        return None
    drawn: FloatArray = draws.drawn_by_name[:, column]
    return percentile_interval(drawn)


def _delong(
    pairs: Sequence[Pair], metric: Metric, groups: Sequence[str]
) -> tuple[DeLong | None, tuple[DeLong | None, ...]]:
    """DeLong's test of the metric and of each label; none of metrics that are no AUROC."""
    if not isinstance(metric, AurocMacro | AurocMicro):
        return None, ()
    sides = cast("Sequence[tuple[ClassificationInput, ClassificationInput]]", pairs)
    return delong(sides, groups, pooled=isinstance(metric, AurocMicro))


def _without(pairs: Sequence[Pair], metric: Metric, reason: str, units: int) -> Significance:
    return Significance(
        first=None,
        second=None,
        difference=None,
        by_seed=[None] * len(pairs),
        n=pairs[0][0].n,
        groups=units,
        higher_is_better=metric.higher_is_better,
        unit=metric.unit,
        reason=reason,
    )


def _number(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
