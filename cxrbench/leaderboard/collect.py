"""The records that pages stand on: of the results folder and of the shared ones, each once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxrbench.errors import BadRequest
from cxrbench.results.record import MetricFacts, Record
from cxrbench.results.store import RECORD, read_record
from cxrbench.results.submission import shareable

SHARED = "records"


def collect(runs: Path, pages: Path) -> list[Record]:
    """The records of `RUNS/*/record.json` and `PAGES/records/*.json`, sorted by run id.

    A run that was submitted stands in both places. The copies have the same numbers, and the shared
    one is taken. Of each record only what may be shared is kept, so that the pages tell nothing of
    this machine and are those which others make of the same runs.

    Raises:
        BadRequest: When a file is not a record of a known schema, when its run id is not that of
            its spec, or when two records have one run id and different numbers.
    """
    shared = sorted((pages / SHARED).glob("*.json"))
    own = sorted(runs.glob(f"*/{RECORD}"))
    found = once(zip([*shared, *own], _read([*shared, *own]), strict=True))
    return [shareable(record) for record in found]


def _read(paths: Iterable[Path]) -> list[Record]:
    found, errors = [], []
    for path in paths:
        try:
            found.append(_read_own(path))
        except BadRequest as error:
            errors.append(error)
    if errors:
        first = errors[0]
        others = f" (and {len(errors) - 1} more files like it)" if len(errors) > 1 else ""
        raise BadRequest(f"{first.what}{others}", why=first.why, fix=first.fix)
    return found


def _read_own(path: Path) -> Record:
    """The record of a file, whose run id follows from its spec: else a copy counts as a seed."""
    record = read_record(path)
    if record.run_id != record.spec.run_id:
        raise BadRequest(
            f"the run id of {path} is not that of its spec",
            why=f"it says {record.run_id}, and its spec makes {record.spec.run_id}",
            fix="records are never edited: delete it if it is a copy, or run it again",
        )
    return record


def once(found: Iterable[tuple[Path, Record]]) -> list[Record]:
    """One record for each run id, the first of equal ones, sorted by run id.

    Raises:
        BadRequest: When two have one run id and different numbers.
    """
    known: dict[str, tuple[Path, Record]] = {}
    for path, record in found:
        if record.run_id not in known:
            known[record.run_id] = path, record
            continue
        first, other = known[record.run_id]
        differing = _difference(other, record)
        if differing:
            raise BadRequest(
                f"two records of {record.run_id} do not say the same",
                why=f"{first} and {path} differ in {differing}",
                fix="keep the right one: submit the run again if it was scored anew, or delete one",
            )
    return [record for _, (_, record) in sorted(known.items())]


def _difference(one: Record, other: Record) -> str:
    """What two records of a run disagree in that changes a page; empty when they agree."""
    first, second = _numbers(one), _numbers(other)
    return next((name for name in first if first[name] != second.get(name)), "") or next(
        (name for name in second if name not in first), ""
    )


def _numbers(record: Record) -> dict[str, Any]:
    """All of a record that decides what a page says; not when, where and how long it ran."""
    data, weights = record.dataset, record.weights
    return {
        "status": record.status,
        "spec": record.spec,
        "main_metric": record.main_metric,
        "dataset": (data.name, data.title, data.kind, data.splits, data.leaks),
        "weights": (weights.source, weights.phantom),
        "overlaps": (record.overlaps, record.context_used),
        **{f"metric {name}": _value(facts) for name, facts in record.metrics.items()},
        "floors": record.floors,
    }


def _value(facts: MetricFacts) -> tuple[Any, ...]:
    return (
        facts.value, facts.n, facts.unit, facts.higher_is_better, facts.ci95,
        facts.per_class, facts.ci95_per_class,
    )  # fmt: skip
