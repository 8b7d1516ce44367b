"""A record as a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cxrbench.cli.output import heading, print_facts, print_table, say

if TYPE_CHECKING:
    from cxrbench.results.record import MetricFacts, Record

_NONE = "–"
_DIGEST = 12
_DIGITS = 2


def print_record(record: Record, metric: str, *, per_class: bool) -> None:
    """Print all of a record that a reader may want.

    Args:
        record: The record.
        metric: Which metric is shown by class, subgroup and condition.
        per_class: Whether to show it by class.
    """
    say(f"{record.run_id}: {record.status}")
    print_facts(_run(record))
    _splits(record)
    if record.error is not None:
        heading("Error")
        say(f"{record.error.type}: {record.error.message}")
        say(f"  why: {record.error.why}\n  do:  {record.error.fix}")
    if record.metrics:
        _metrics(record)
        if per_class:
            _by_class(record, metric)
        _parts(f"{metric} by subgroup", record, metric, record.subgroups, record.subgroup_floors)
        _parts(f"{metric} under other conditions", record, metric, record.conditions, {})
    if record.warnings:
        heading("Warnings")
        for warning in record.warnings:
            say(f"- {warning}")
    _cost(record)
    _origin(record)


def _run(record: Record) -> list[tuple[str, str]]:
    from cxrbench.leaderboard.record_words import data_words, selection_words, settings_words

    spec, data = record.spec, record.dataset
    version = f" version {spec.task_version}" if spec.task_version != 1 else ""
    facts = [
        ("model", spec.model),
        ("weights", _weights(record)),
        ("task", f"{spec.task}{version} ({record.task_type})"),
        ("protocol", spec.protocol),
        ("settings", _listed([f"seed {spec.seed}", *settings_words(record)])),
        ("data", data_words(record)),
        ("context", "told to the encoder" if record.context_used else "not used"),
        ("selected", selection_words(record)),
        ("overlaps", ", ".join(record.overlaps)),
        ("leaks", "; ".join(f"{name}: {n:,} images" for name, n in data.leaks.items())),
        ("missing", f"{data.missing:,} samples left out" if data.missing else ""),
        ("not ranked", ", ".join(record.unranked_because)),
    ]
    return [(name, value) for name, value in facts if value]


def _weights(record: Record) -> str:
    from cxrbench.leaderboard.record_words import weights_words

    digests = [f"{name} {digest[:_DIGEST]}" for name, digest in record.weights.sha256.items()]
    return "; ".join([*weights_words(record), *digests])


def _splits(record: Record) -> None:
    rows = [
        (
            name,
            f"{split.n:,}",
            f"{split.patients:,}",
            "official" if split.official else "custom",
            split.sha256[:_DIGEST],
        )
        for name, split in record.dataset.splits.items()
    ]
    print_table(["split", ">images", ">patients", "list", "sha256 of ids"], rows)


def _metrics(record: Record) -> None:
    heading("Metrics on the test split, in % where no unit stands")
    rows = []
    for name, facts in record.metrics.items():
        floor = record.floors.get(name)
        rows.append(
            (
                _named(name, facts),
                _number(facts.value, facts),
                _interval(facts.ci95, facts),
                _number(floor, facts),
                _gain(facts.value, floor, facts),
                f"{facts.n:,}",
            )
        )
    print_table(["metric", ">value", ">95 % CI", ">floor", ">better by", ">n"], rows)
    if lost := max(facts.undefined_replicates for facts in record.metrics.values()):
        say(f"Up to {lost:,} bootstrap replicates were left out: a label lost one of its classes.")


def _by_class(record: Record, metric: str) -> None:
    facts = record.metrics[metric]
    heading(f"{metric} by class")
    if facts.per_class is None:
        say(f"{metric} pools the classes and has no value of each.")
        return
    test = record.dataset.splits.get("test")
    positives: Mapping[str, int] = {} if test is None else test.positives
    rows = [
        (
            name,
            _number(value, facts),
            _interval(facts.ci95_per_class.get(name), facts),
            f"{positives[name]:,}" if name in positives else _NONE,
            f"{facts.n_per_class.get(name, facts.n):,}",
        )
        for name, value in facts.per_class.items()
    ]
    print_table(["class", ">value", ">95 % CI", ">positives", ">n"], rows)


def _parts(
    title: str,
    record: Record,
    metric: str,
    parts: Mapping[str, Mapping[str, MetricFacts]],
    floors: Mapping[str, Mapping[str, float | None]],
) -> None:
    """The metric on parts of the test split, or with something done otherwise."""
    found = {name: scored[metric] for name, scored in parts.items() if metric in scored}
    if not found:
        return
    heading(title)
    whole = record.metrics[metric]
    rows: list[tuple[str, ...]] = [
        ("all" if floors else "as above", *_value_cells(whole, record.floors.get(metric)))
    ]
    for name, facts in found.items():
        floor = floors[name].get(metric) if name in floors else record.floors.get(metric)
        rows.append((name, *_value_cells(facts, floor)))
    print_table(["", ">value", ">95 % CI", ">floor", ">n"], rows)


def _value_cells(facts: MetricFacts, floor: float | None) -> tuple[str, str, str, str]:
    return (
        _number(facts.value, facts),
        _interval(facts.ci95, facts),
        _number(floor, facts),
        f"{facts.n:,}",
    )


def _cost(record: Record) -> None:
    total = sum(record.timings.values())
    heading(f"Cost: {total:.1f} s")
    phases = _listed(f"{name} {seconds:.1f} s" for name, seconds in record.timings.items())
    memory = _listed(f"{name} {n / 2**30:.2f} GiB" for name, n in record.peak_memory.items())
    print_facts([("phases", phases), ("peak memory", memory)])


def _origin(record: Record) -> None:
    from cxrbench.leaderboard.record_words import code_words

    origin = record.provenance
    heading("Origin")
    facts = [
        ("made", origin.created),
        ("scored again", origin.scored),
        ("command", " ".join(["cxrbench", *origin.argv]) if origin.argv else ""),
        ("code", code_words(record)),
        ("encoder from", " ".join(origin.plugin.values())),
        ("machine", ", ".join(filter(None, (origin.platform, origin.gpu)))),
        ("versions", _listed(f"{name} {v}" for name, v in origin.versions.items())),
    ]
    print_facts([(name, value) for name, value in facts if value])
    rows = [
        (name, file.path, file.sha256[:_DIGEST], "stays here" if file.restricted else "")
        for name, file in record.artifacts.items()
    ]
    if rows:
        print_table(["file", "path", "sha256", ""], rows)


def _named(name: str, facts: MetricFacts) -> str:
    from cxrbench.leaderboard.units import heading as named

    return named(name, facts.unit, higher_is_better=facts.higher_is_better)


def _number(value: float | None, facts: MetricFacts) -> str:
    from cxrbench.leaderboard.units import number

    return _NONE if value is None else number(value, facts.unit, _DIGITS)


def _gain(value: float | None, floor: float | None, facts: MetricFacts) -> str:
    from cxrbench.leaderboard.units import scale

    if value is None or floor is None:
        return _NONE
    sign = 1 if facts.higher_is_better else -1
    return f"{sign * (value - floor) * scale(facts.unit):+.{_DIGITS}f}"


def _interval(bounds: tuple[float, float] | None, facts: MetricFacts) -> str:
    return _NONE if bounds is None else " to ".join(_number(bound, facts) for bound in bounds)


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
