"""Comparing two models on the stored predictions of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cxrbench.errors import UnknownNameError
from cxrbench.execution.matching import Match, Matches, Place, match_runs
from cxrbench.execution.paired_inputs import SPLIT, PairedInputs
from cxrbench.leaderboard.tables import model_name
from cxrbench.metrics.paired import Pair
from cxrbench.metrics.significance import Significance, significance
from cxrbench.names import did_you_mean
from cxrbench.results.comparison import ModelComparison, Side, adjusted
from cxrbench.results.record import Record
from cxrbench.results.store import Store

_HASH = 12


@dataclass(frozen=True)
class ComparisonRequest:
    """What is compared.

    Attributes:
        first: A model id, or a run.
        second: The other.
        tasks: Ids or globs; none: every task that both have.
        protocols: The same of protocols.
        metrics: The same of metrics; none: the main metric of each task.
        replicates: Bootstrap replicates, and exchanges.
        seed: Seed of the draws.
    """

    first: str
    second: str
    tasks: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    replicates: int = 1000
    seed: int = 0


def compare_models(
    store: Store, request: ComparisonRequest
) -> tuple[list[ModelComparison], Mapping[Place, str]]:
    """Compare two models, task by task and metric by metric; all of it is one family of tests.

    Args:
        store: Where the runs are.
        request: What is compared.

    Returns:
        The comparisons with Holm's p over all of them, and why tasks that were asked for were
        skipped.

    Raises:
        UnknownNameError: When a model, task, protocol or metric has no run.
        BadRequest: When nothing can be compared, or it is not clear which runs are meant.
        DataError: When predictions were changed, or are not of the same samples.
    """
    matches = match_runs(
        store.records(), request.first, request.second, request.tasks, request.protocols
    )
    metrics = _metrics(matches, request.metrics)
    family = [
        comparison
        for match, ids in zip(matches.found, metrics, strict=True)
        if ids
        for comparison in _compared(store, match, ids, request)
    ]
    return adjusted(family), matches.skipped


def _metrics(matches: Matches, patterns: Sequence[str]) -> list[list[str]]:
    """The metrics of each match that was asked for, its main metric where none was.

    Raises:
        UnknownNameError: When a pattern fits no metric of any of them.
    """
    if not patterns:
        return [[match.first[0].main_metric] for match in matches.found]
    found = []
    for match in matches.found:
        both = [name for name in match.first[0].metrics if name in match.second[0].metrics]
        found.append([n for n in both if any(fnmatchcase(n, pattern) for pattern in patterns)])
    known = sorted({name for match in matches.found for name in match.first[0].metrics})
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for ids in found for name in ids):
            raise UnknownNameError(
                f"no task that is compared has the metric {pattern}",
                why=f"both models have {', '.join(known)}",
                fix=did_you_mean(pattern, known, "docs/metrics.md"),
            )
    return found


def _compared(
    store: Store, match: Match, metric_ids: Sequence[str], request: ComparisonRequest
) -> list[ModelComparison]:
    record = match.first[0]
    inputs = PairedInputs(store, metric_ids)
    pairs: list[Pair] = [inputs.pair(*runs) for runs in zip(match.first, match.second, strict=True)]
    patients = inputs.patients
    found: dict[str, Significance] = significance(
        pairs, metric_ids, patients, request.replicates, request.seed, record.spec.task
    )
    sides = _sides(match)
    return [
        ModelComparison(
            task=record.spec.task,
            protocol=record.spec.protocol,
            metric=metric_id,
            dataset=record.dataset.title,
            data=record.dataset.kind,
            split=SPLIT,
            images=len(patients),
            patients=len(set(patients)),
            seeds=[run.spec.seed for run in match.first],
            first=sides[0],
            second=sides[1],
            replicates=request.replicates,
            draws_seed=request.seed,
            notes=[*match.notes, *inputs.notes, *_leaks(record)],
            found=found[metric_id],
        )
        for metric_id in metric_ids
    ]


def _sides(match: Match) -> tuple[Side, Side]:
    runs = match.first, match.second
    names = [side[0].spec.model for side in runs]
    if names[0] == names[1]:
        names = [model_name(side[0]) for side in runs]
    if names[0] == names[1]:
        names = [f"{n} [{r[0].run_id[-_HASH:]}]" for n, r in zip(names, runs, strict=True)]
    first, second = (
        Side(
            name=name,
            runs=[run.run_id for run in side],
            unranked_because=side[0].unranked_because,
            overlaps=side[0].overlaps,
        )
        for name, side in zip(names, runs, strict=True)
    )
    return first, second


def _leaks(record: Record) -> list[str]:
    shared = ", ".join(f"{count:,} {where}" for where, count in record.dataset.leaks.items())
    return [f"leak: images shared by splits ({shared})"] if shared else []
