"""Many tasks at a glance: the main metric of each, models side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrbench.leaderboard.tables import (
    MISSING,
    cell,
    data_key,
    describe_data,
    floor_cell,
    groups,
    model_name,
)
from cxrbench.leaderboard.units import heading, unit_of
from cxrbench.results.record import Record

FAILED = "failed"


@dataclass(frozen=True)
class Unfit:
    """A model that a task does not apply to."""

    model: str
    task: str
    protocol: str
    reason: str


@dataclass(frozen=True)
class Line:
    """One task.

    Attributes:
        task: Task id.
        data: The state of its data in a few words, with sizes.
        test: Samples of the test split.
        cells: One for each model.
        floor: What the best constant predictor gets.
        named: The task, and the state of its data where other lines have the same task.
        unranked: Whether no run of it is ranked.
    """

    task: str
    data: str
    test: int
    cells: tuple[str, ...]
    floor: str
    named: str
    unranked: bool


@dataclass(frozen=True)
class Matrix:
    """Tasks by models, under one protocol and by one metric.

    Attributes:
        protocol: Protocol id.
        metric: The main metric, with its unit where it is not percent.
        models: Column names.
        lines: The tasks, in the order of the records.
        unranked: Models of which no run is ranked, though some of their task are.
    """

    protocol: str
    metric: str
    models: tuple[str, ...]
    lines: tuple[Line, ...]
    unranked: frozenset[str] = frozenset()


def overview(records: Sequence[Record], unfit: Iterable[Unfit] = ()) -> list[Matrix]:
    """The matrices that records stand in, in their order.

    A cell is the mean ± sample sd over seeds (n) of the main metric, `failed`, – where the task
    does not apply to the model, and empty where nothing was run.
    """
    apart = defaultdict(set)
    for each in unfit:
        apart[each.task, each.protocol].add(each.model)
    names = {r.run_id: model_name(r) for r in records}
    plain = {r.spec.model for r in records}
    models = [*dict.fromkeys(names.values()),
              *sorted({m for found in apart.values() for m in found} - plain)]  # fmt: skip
    found: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        place = record.spec.protocol, _metric(record)
        found[place][f"{record.spec.task} {data_key(record)}"].append(record)
    matrices = []
    for (protocol, metric), tasks in found.items():
        times = Counter(part[0].spec.task for part in tasks.values())
        lines = tuple(
            _line(part, models, apart[part[0].spec.task, protocol], times)
            for part in tasks.values()
        )
        unranked = _unranked(tasks.values())
        matrices.append(Matrix(protocol, metric, tuple(models), lines, unranked))
    return matrices


def _ranked(record: Record) -> bool:
    return record.status == "ok" and not record.unranked_because


def _unranked(tasks: Iterable[list[Record]]) -> frozenset[str]:
    """Models that were run where others are ranked, and are not."""
    beside = [r for part in tasks if any(map(_ranked, part)) for r in part if r.status == "ok"]
    ranked = {model_name(record) for record in beside if _ranked(record)}
    return frozenset(model_name(record) for record in beside) - ranked


def _metric(record: Record) -> str:
    facts = record.metrics.get(record.main_metric)
    lower = facts is not None and not facts.higher_is_better
    return heading(record.main_metric, unit_of([record], record.main_metric),
                   higher_is_better=not lower)  # fmt: skip


def _line(
    records: list[Record], models: Sequence[str], unfit: set[str], times: Counter[str]
) -> Line:
    first = records[0]
    data = describe_data(first)
    test = first.dataset.splits.get("test")
    return Line(
        task=first.spec.task,
        data=data,
        test=0 if test is None else test.n,
        cells=tuple(_cell(records, model, unfit) for model in models),
        floor=floor_cell(records, first.main_metric),
        named=f"{first.spec.task} ({data})" if times[first.spec.task] > 1 else first.spec.task,
        unranked=not any(map(_ranked, records)),
    )


def _cell(records: list[Record], model: str, unfit: set[str]) -> str:
    own = [record for record in records if model_name(record) == model]
    done = groups(record for record in own if record.status == "ok")
    if len(done) > 1:
        return f"{len(done)} settings"
    if done:
        return cell(done[0], done[0][0].main_metric)
    if own:
        return FAILED
    return MISSING if model.partition(" (")[0] in unfit else ""
