"""The main metric of every label, and how many images stand behind it."""

from __future__ import annotations

from collections.abc import Sequence

from cxrbench.leaderboard.markdown_parts import literal
from cxrbench.leaderboard.tables import MISSING, Comparison
from cxrbench.leaderboard.units import number, unit_of
from cxrbench.results.record import Record


def label_rows(table: Comparison) -> list[list[str]]:
    """The rows of a Markdown table by label, the names of its columns first.

    Two rows a model: the mean over its seeds, then the value and interval of its first seed, since
    an interval beside the mean would be read as that of the mean. Last the positives of the test
    split. Empty where no model has values by label.
    """
    metric = table.columns[0]
    known = [row for row in table.rows if row.records and _has_labels(row.records[0], metric)]
    if not known:
        return []
    names = list(known[0].records[0].metrics[metric].per_class or {})
    rows = [["model", *map(literal, names)]]
    for row in known:
        first = row.records[0]
        rows.append([literal(row.name), *(_mean(row.records, metric, name) for name in names)])
        if any(first.metrics[metric].ci95_per_class.values()):
            cells = (_with_interval(first, metric, name) for name in names)
            rows.append([f"*seed {first.spec.seed}, 95 % CI*", *cells])
    # The same images stand behind all rows, but older records do not tell their positives.
    records = [record for row in known for record in row.records]
    telling = next((r for r in records if _tells_positives(r, metric)), records[0])
    counts = [_positives(telling, metric, name) for name in names]
    if set(counts) != {MISSING}:
        rows.append(["*positives*", *counts])
    return rows


def _has_labels(record: Record, metric: str) -> bool:
    facts = record.metrics.get(metric)
    return facts is not None and facts.per_class is not None


def _mean(records: Sequence[Record], metric: str, label: str) -> str:
    values = [_value(r, metric, label) for r in records if metric in r.metrics]
    known = [value for value in values if value is not None]
    return number(sum(known) / len(known), unit_of(records, metric)) if known else MISSING


def _with_interval(record: Record, metric: str, label: str) -> str:
    value = _value(record, metric, label)
    if value is None:
        return MISSING
    facts = record.metrics[metric]
    interval = facts.ci95_per_class.get(label)
    shown = number(value, facts.unit)
    if interval is None:
        return shown
    low, high = (number(bound, facts.unit, digits=0) for bound in interval)
    return f"{shown} ({low} to {high})"


def _value(record: Record, metric: str, label: str) -> float | None:
    return (record.metrics[metric].per_class or {}).get(label)


def _tells_positives(record: Record, metric: str) -> bool:
    test = record.dataset.splits.get("test")
    return test is not None and bool(test.positives) and metric in record.metrics


def _positives(record: Record, metric: str, label: str) -> str:
    """Positives among the test images whose label is known."""
    test = record.dataset.splits.get("test")
    if test is None or label not in test.positives:
        return MISSING
    known = record.metrics[metric].n_per_class.get(label, test.n)
    return f"{test.positives[label]:,} of {known:,}"
