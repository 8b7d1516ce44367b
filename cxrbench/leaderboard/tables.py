"""Tables of records that may stand beside each other.

A table holds one task, one protocol and one state of the data. Runs are averaged only when they
differ in their seed alone. Nothing is ever ranked against what was measured another way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrbench.hashing import sha256_json
from cxrbench.leaderboard.units import FRACTION, heading, interval, number, scale, unit_of
from cxrbench.results.record import MetricFacts, Record
from cxrbench.results.statistics import format_summary, seed_summary

MISSING = "–"
RARE = "– (rare labels)"
FLOOR = "floor (best constant)"


@dataclass(frozen=True)
class Row:
    """One row of a table: a model, or the floor.

    Attributes:
        name: What the row is.
        cells: One for each column.
        rank: Place by the main metric; None where nothing is ranked. Equal means share a place.
        notes: What sets the run apart, such as `random weights`.
        records: The runs behind the row, by seed; none for the floor.
    """

    name: str
    cells: tuple[str, ...]
    rank: int | None = None
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A table whose numbers can be compared.

    Attributes:
        task: Task id.
        protocol: Protocol id.
        data: What data the table stands on, in words.
        ranked: Whether its rows are ranked.
        columns: Column names.
        rows: Best first; the floor last.
    """

    task: str
    protocol: str
    data: str
    ranked: bool
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """One line over the table."""
        ranked = "" if self.ranked else ", not ranked"
        records = [record for row in self.rows for record in row.records]
        units = {unit_of(records, metric) for metric in self.columns[:-1]}
        numbers = "%" if units <= {FRACTION} else "in % where no unit stands"
        where = f"{self.task}, {self.protocol}, {self.data}{ranked}"
        return f"{where} ({numbers}, mean ± sd over seeds (n))"

    @property
    def headings(self) -> tuple[str, ...]:
        """The names of the columns with their unit, and ↓ where lower is better."""
        records = [record for row in self.rows for record in row.records]
        names = [
            heading(
                metric,
                unit_of(records, metric),
                higher_is_better=is_higher_better(records, metric),
            )
            for metric in self.columns[:-1]
        ]
        return (*names, self.columns[-1])


def comparisons(records: Iterable[Record]) -> list[Comparison]:
    """The tables that the successful records belong to, in a fixed order.

    Failed ones have no row; where other seeds succeeded, their row tells of them.
    """
    tables: dict[tuple[str, str, str, bool], list[Record]] = defaultdict(list)
    broken: Counter[str] = Counter()
    for record in records:
        if record.status == "failed":
            broken[record.spec.group_id] += 1
        else:
            key = (
                record.spec.task,
                record.spec.protocol,
                data_key(record),
                not record.unranked_because,
            )
            tables[key].append(record)
    # By length first: 1 % comes before 10 % and 100 %.
    ordered = sorted(tables.items(), key=lambda item: (not item[0][3], len(item[0][0]), item[0]))
    return [_comparison(found, ranked, broken) for (_, _, _, ranked), found in ordered]


def groups(records: Iterable[Record]) -> list[list[Record]]:
    """Records that differ in their seed alone, each group sorted by seed."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.spec.group_id].append(record)
    return [
        sorted(group, key=lambda record: record.spec.seed)
        for _, group in sorted(found.items(), key=lambda item: item[0])
    ]


def cell(group: Sequence[Record], metric: str) -> str:
    """Mean ± sample sd (n) of a metric over the seeds of a group; fractions in percent."""
    values = [r.metrics[metric].value for r in group if metric in r.metrics]
    known = [value for value in values if value is not None]
    if not known:
        return MISSING
    expected = len(group) if len(known) < len(group) else None
    factor = scale(unit_of(group, metric))
    return format_summary(seed_summary(known), scale=factor, expected=expected)


def mean_of(group: Sequence[Record], metric: str) -> float | None:
    """Mean of a metric over the seeds of a group; None where it is undefined."""
    values = [r.metrics[metric].value for r in group if metric in r.metrics]
    known = [value for value in values if value is not None]
    return seed_summary(known).mean if known else None


def model_name(record: Record) -> str:
    """The model, and what weights and preprocessing it had where those are not its own."""
    extra = {"random": ["random weights"], "path": ["given weights"]}.get(record.weights.source, [])
    extra = ["trained on phantoms"] if record.weights.phantom else extra
    mode = record.spec.recipe.get("preprocessing_mode")
    extra += [f"{mode} preprocessing"] if mode else []
    return f"{record.spec.model} ({', '.join(extra)})" if extra else record.spec.model


def data_key(record: Record) -> str:
    """Equal for records whose numbers stand on the same state of the same data."""
    spec = record.spec
    return sha256_json([record.dataset.name, spec.data, spec.task_version, spec.limit])


def _comparison(records: list[Record], ranked: bool, broken: Counter[str]) -> Comparison:
    first = records[0]
    metrics = _metric_order(records)
    main = first.main_metric
    sign = -1 if is_higher_better(records, main) else 1
    found = groups(records)
    found.sort(key=lambda g: (_sort_value(mean_of(g, main), sign), model_name(g[0]), g[0].run_id))
    means = [mean_of(group, main) for group in found]
    cards = _cards(records)
    rows = []
    for group, mean in zip(found, means, strict=True):
        better = sum(m is not None and mean is not None and sign * m < sign * mean for m in means)
        rows.append(
            Row(
                name=model_name(group[0]),
                cells=(*(cell(group, metric) for metric in metrics), _interval(group[0], main)),
                rank=better + 1 if ranked and mean is not None else None,
                notes=_notes(group, cards[group[0].spec.model], broken[group[0].spec.group_id]),
                records=tuple(group),
            )
        )
    rows.append(_floor(records, metrics))
    last = f"{main}, 95 % CI (first seed)"
    return Comparison(
        task=first.spec.task,
        protocol=first.spec.protocol,
        data=describe_data(first),
        ranked=ranked,
        columns=(*metrics, last),
        rows=tuple(rows),
    )


def _metric_order(records: list[Record]) -> list[str]:
    """All metrics of the records, the main metric first."""
    names: dict[str, None] = {records[0].main_metric: None}
    for record in records:
        names.update(dict.fromkeys(record.metrics))
    return list(names)


def is_higher_better(records: Sequence[Record], metric: str) -> bool:
    """Whether high values of a metric are good; so where no record has it."""
    facts: MetricFacts | None
    facts = next((r.metrics[metric] for r in records if metric in r.metrics), None)
    return facts is None or facts.higher_is_better


def _sort_value(mean: float | None, sign: int) -> float:
    return float("inf") if mean is None else sign * mean


def _interval(record: Record, metric: str) -> str:
    facts = record.metrics.get(metric)
    if facts is None or facts.value is None:
        return MISSING
    if facts.ci95 is None:
        return RARE if facts.undefined_replicates else MISSING
    return interval(facts) or MISSING


def _floor(records: Sequence[Record], metrics: Sequence[str]) -> Row:
    return Row(name=FLOOR, cells=(*(floor_cell(records, metric) for metric in metrics), ""))


def floor_cell(records: Sequence[Record], metric: str) -> str:
    """The floor of a metric, from the first record that has one."""
    values = (record.floors.get(metric) for record in records)
    value = next((value for value in values if value is not None), None)
    return MISSING if value is None else number(value, unit_of(records, metric))


def _cards(records: Iterable[Record]) -> dict[str, int]:
    """For each model, how many cards of that name the records were made with."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        found[record.spec.model].add(record.spec.encoder)
    return {model: len(encoders) for model, encoders in found.items()}


def _notes(group: Sequence[Record], cards: int, broken: int) -> tuple[str, ...]:
    record = group[0]
    notes = list(record.unranked_because)
    if broken:
        notes.append(f"{broken} more seed{'s' if broken > 1 else ''} failed")
    if record.dataset.leaks:
        shared = ", ".join(f"{count} {where}" for where, count in record.dataset.leaks.items())
        notes.append(f"leak: images shared by splits ({shared})")
    if record.overlaps:
        notes.append(f"† pretrained on images of {', '.join(record.overlaps)}")
    if len(group) > 1 and len({_main_value(r) for r in group}) == 1:
        notes.append("the seed changes nothing")
    if record.context_used:
        notes.append("clinical context used")
    if record.spec.micro_batch is not None:
        notes.append(f"{record.spec.micro_batch} training images at once")
    if record.spec.precision != "32":
        notes.append(record.spec.precision)
    if cards > 1:
        notes.append(f"encoder {record.spec.encoder[:8]}")
    if record.weights.source == "path":
        # Two checkpoints of one model are two rows, which nothing else tells apart.
        digests = ", ".join(digest[:8] for _, digest in sorted(record.weights.sha256.items()))
        notes.append(f"weights {digests}")
    return tuple(notes)


def _main_value(record: Record) -> float | None:
    facts = record.metrics.get(record.main_metric)
    return facts.value if facts else None


def describe_data(record: Record) -> str:
    """The state of the data in a few words, with the sizes of its splits."""
    sizes = " / ".join(f"{split.n:,}" for split in record.dataset.splits.values())
    if record.dataset.kind == "phantom":
        kind = "phantom data"
    else:
        official = all(split.official for split in record.dataset.splits.values())
        kind = "official split" if official else "custom split"
    limit = "" if record.spec.limit is None else f", --limit {record.spec.limit}"
    version = "" if record.spec.task_version == 1 else f", task version {record.spec.task_version}"
    return f"{kind} {sizes}{limit}{version}"
