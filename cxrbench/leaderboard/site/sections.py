"""What the dialog of a number shows of its records, part by part.

Everything is put into words here, so that a number is rounded in one place; the script of the page
only lays it out. Paths of predictions, identifiers and the text of errors are not among it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cxrbench.leaderboard.board import Figure
from cxrbench.leaderboard.record_words import (
    code_words,
    data_words,
    selection_words,
    settings_words,
    weights_words,
)
from cxrbench.leaderboard.site.command import GIVEN_WEIGHTS, run_command
from cxrbench.leaderboard.tables import MISSING
from cxrbench.leaderboard.units import heading, number, scale
from cxrbench.leaderboard.words import failure_words
from cxrbench.results.record import MetricFacts, Record
from cxrbench.results.statistics import format_summary, seed_summary

Section = dict[str, Any]
_DIGITS = 2


def sections(records: Sequence[Record], figures: Sequence[Figure] = ()) -> list[Section]:
    """The parts of the dialog of runs that differ in their seed alone.

    Args:
        records: By seed; failed ones last.
        figures: Those drawn of them, and maybe of others.
    """
    done = [record for record in records if record.status == "ok"]
    first = (done or list(records))[0]
    found = [_reproduce(records, first)]
    if done:
        found += [_metrics(done), _seeds(done)]
    if failed := [record for record in records if record.status != "ok"]:
        found.append(_failed(failed))
    found += [_settings(first), _data(first), _weights(first)]
    if figures:
        found.append(_figures(figures))
    if done:
        found += [*_labels(done), *_cost(done)]
    return [*found, _origin(records)]


def _reproduce(records: Sequence[Record], first: Record) -> Section:
    commands = [{"what": "Run it again", "line": run_command(records)}]
    if first.dataset.kind == "real":
        what = f"See where {first.dataset.title} has to be"
        commands.append({"what": what, "line": f"cxrbench data where {first.dataset.name}"})
    show = f"cxrbench show {first.run_id} --per-class"
    commands.append({"what": "See one record in full, where it was run", "line": show})
    found: Section = {"title": "How to reproduce it", "commands": commands}
    if first.weights.source == "path":
        found["text"] = f"{GIVEN_WEIGHTS} stands for the file whose SHA-256 is below."
    return found


def _metrics(done: Sequence[Record]) -> Section:
    """Every metric of the test split, with the value of each seed."""
    names = list(dict.fromkeys(name for record in done for name in record.metrics))
    rows = []
    for name in names:
        facts = next(r.metrics[name] for r in done if name in r.metrics)
        each = [r.metrics[name].value if name in r.metrics else None for r in done]
        floor = next((r.floors[name] for r in done if r.floors.get(name) is not None), None)
        rows.append([
            heading(name, facts.unit, higher_is_better=facts.higher_is_better),
            _mean(each, facts.unit),
            _interval(done[0].metrics.get(name)),
            _value(floor, facts.unit),
            _gain(each, floor, facts),
            *(_value(value, facts.unit) for value in each),
            f"{facts.n:,}",
        ])  # fmt: skip
    seeds = [f"seed {record.spec.seed}" for record in done]
    return {
        "title": "All metrics on the test split, in % where no unit stands",
        "head": ["metric", "mean ± sd (n)", f"95 % CI, {seeds[0]}", "floor", "better by", *seeds,
                 "samples"],
        "rows": rows,
        "keys": names,
        "words": [],
    }  # fmt: skip


def _seeds(done: Sequence[Record]) -> Section:
    rows = [
        [
            str(record.spec.seed),
            selection_words(record),
            f"{sum(record.timings.values()):.1f} s",
            record.provenance.created[:16].replace("T", " "),
            record.run_id,
        ]
        for record in done
    ]
    head = ["seed", "selected", "took", "made (UTC)", "run id"]
    return {"title": "Seeds", "head": head, "rows": rows, "words": [1, 4]}


def _failed(failed: Sequence[Record]) -> Section:
    rows = [[str(record.spec.seed), failure_words(record), record.run_id] for record in failed]
    return {
        "title": "Failed", "head": ["seed", "error", "run id"], "rows": rows, "words": [1, 2],
        "text": "cxrbench show and the run id tell why, where it was run.",
    }  # fmt: skip


def _settings(record: Record) -> Section:
    spec = record.spec
    version = f", version {spec.task_version}" if spec.task_version != 1 else ""
    return _facts(
        "Settings",
        [
            ("Task", f"{spec.task}{version} ({record.task_type})"),
            ("Protocol", spec.protocol),
            ("Settings", ", ".join(settings_words(record))),
            ("Clinical context", "told to the encoder" if record.context_used else "not used"),
            ("Not ranked", ", ".join(record.unranked_because)),
        ],
    )


def _data(record: Record) -> Section:
    data = record.dataset
    found = _facts(
        "Data",
        [
            ("Data set", data_words(record)),
            ("Pretraining", _overlaps(record)),
            ("Leaks", "; ".join(f"{name}: {n:,} images" for name, n in data.leaks.items())),
            ("Missing", f"{data.missing:,} samples left out" if data.missing else ""),
        ],
    )
    rows = [
        [name, f"{s.n:,}", f"{s.patients:,}", "official" if s.official else "custom", s.sha256]
        for name, s in data.splits.items()
    ]
    head = ["split", "images", "patients", "list", "SHA-256 of its ids"]
    return {**found, "head": head, "rows": rows, "words": [3, 4]}


def _overlaps(record: Record) -> str:
    shared = ", ".join(record.overlaps)
    return f"the model was pretrained on images of {shared} (†)" if shared else ""


def _weights(record: Record) -> Section:
    pairs = [("Weights", "; ".join(weights_words(record)))]
    pairs += [(f"SHA-256, {name}", digest) for name, digest in record.weights.sha256.items()]
    return _facts("Weights", pairs)


def _labels(done: Sequence[Record]) -> list[Section]:
    """The main metric by label, mean over seeds; none where it has no values by label."""
    name = done[0].main_metric
    facts = done[0].metrics.get(name)
    if facts is None or not facts.per_class:
        return []
    test = done[0].dataset.splits.get("test")
    positives = test.positives if test else {}
    rows = []
    for label in facts.per_class:
        each = [(r.metrics[name].per_class or {}).get(label) for r in done if name in r.metrics]
        rows.append([
            label,
            _mean(each, facts.unit),
            _bounds(facts.ci95_per_class.get(label), facts.unit),
            f"{positives[label]:,}" if label in positives else MISSING,
        ])  # fmt: skip
    head = ["label", "mean ± sd (n)", f"95 % CI, seed {done[0].spec.seed}", "positives"]
    title = f"{heading(name, facts.unit, higher_is_better=facts.higher_is_better)} by label"
    return [{"title": title, "head": head, "rows": rows, "words": [], "folded": True}]


def _cost(done: Sequence[Record]) -> list[Section]:
    phases = list(dict.fromkeys(phase for record in done for phase in record.timings))
    devices = list(dict.fromkeys(name for record in done for name in record.peak_memory))
    if not phases:
        return []
    rows = [
        [phase, *(f"{r.timings[phase]:.1f} s" if phase in r.timings else MISSING for r in done)]
        for phase in phases
    ]
    rows += [
        [f"peak memory, {name}",
         *(f"{r.peak_memory[name] / 2**30:.2f} GiB" if name in r.peak_memory else MISSING
           for r in done)]
        for name in devices
    ]  # fmt: skip
    head = ["", *(f"seed {record.spec.seed}" for record in done)]
    return [{"title": "Time and memory", "head": head, "rows": rows, "words": [], "folded": True}]


def _figures(figures: Sequence[Figure]) -> Section:
    """Figures with their path from the page; those of fewest runs first."""
    ordered = sorted(figures, key=lambda figure: (len(figure.run_ids), figure.path))
    images = [{"path": f"../{each.path}", "title": each.title, "caption": each.caption}
              for each in ordered]  # fmt: skip
    return {"title": f"Figures ({len(images)})", "images": images, "folded": True}


def _origin(records: Sequence[Record]) -> Section:
    origin = records[0].provenance
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    pairs = [
        ("Code", _each(code_words(record) for record in records)),
        ("Encoder from", " ".join(origin.plugin.values())),
        ("Machine", _each(", ".join(filter(None, (r.provenance.platform, r.provenance.gpu)))
                          for r in records)),
        ("Versions", versions),
    ]  # fmt: skip
    return {**_facts("Origin", pairs), "folded": True}


def _each(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))


def _facts(title: str, pairs: Sequence[tuple[str, str]]) -> Section:
    return {"title": title, "facts": [[name, value] for name, value in pairs if value]}


def _mean(values: Sequence[float | None], unit: str, digits: int = _DIGITS) -> str:
    """Mean ± sample sd (n) of the values of seeds, None where one is undefined."""
    known = [value for value in values if value is not None]
    if not known:
        return MISSING
    return format_summary(
        seed_summary(known), digits, scale=scale(unit), expected=len(values)
    )  # fmt: skip


def _interval(facts: MetricFacts | None) -> str:
    """The 95 % interval of a metric; a dash where there is none."""
    return MISSING if facts is None else _bounds(facts.ci95, facts.unit)


def _gain(values: Sequence[float | None], floor: float | None, facts: MetricFacts) -> str:
    """By how much the mean is better than the floor; negative where it is worse."""
    known = [value for value in values if value is not None]
    if floor is None or not known:
        return MISSING
    sign = 1 if facts.higher_is_better else -1
    return f"{sign * (sum(known) / len(known) - floor) * scale(facts.unit):+.{_DIGITS}f}"


def _bounds(bounds: tuple[float, float] | None, unit: str) -> str:
    if bounds is None:
        return MISSING
    return " to ".join(number(bound, unit, _DIGITS) for bound in bounds)


def _value(value: float | None, unit: str) -> str:
    return MISSING if value is None else number(value, unit, _DIGITS)
