"""Which runs of two models can be compared: the same task, protocol, data and seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.hashing import sha256_json
from cxrbench.names import did_you_mean
from cxrbench.results.record import Record

_WHO = {"card", "weights"}
"""Settings that tell models apart, of which nobody has to be told."""

Place = tuple[str, str]
"""A task and a protocol."""


@dataclass(frozen=True)
class Match:
    """Runs of two models that differ in the model alone, by seed.

    Attributes:
        first: One run for each seed.
        second: The other model's, of the same seeds.
        notes: Settings that the protocol gives each of them, and seeds that were left out.
    """

    first: tuple[Record, ...]
    second: tuple[Record, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """What can be compared.

    Attributes:
        found: A match for each task, protocol and state of the data, as tasks were asked for.
        skipped: Why other tasks that were asked for cannot be, by task and protocol.
    """

    found: tuple[Match, ...]
    skipped: Mapping[Place, str]


def match_runs(
    records: Sequence[Record],
    first: str,
    second: str,
    tasks: Sequence[str] = (),
    protocols: Sequence[str] = (),
) -> Matches:
    """Match the runs of two models.

    Args:
        records: All there are; those of failed runs are left out.
        first: A model id, or a run id or what one starts or ends with: then runs that differ from
            it in their seed alone.
        second: The other.
        tasks: Ids or globs; none: every task that both have.
        protocols: The same of protocols.

    Raises:
        UnknownNameError: When a model, task or protocol has no run.
        BadRequest: When nothing can be compared, or it is not clear which runs are meant.
    """
    sides = [_runs_of(name, records) for name in (first, second)]
    if {r.run_id for r in sides[0]} & {r.run_id for r in sides[1]}:
        raise BadRequest(
            f"{first} and {second} are the same runs",
            why="a model is compared with another, or with itself under other settings",
            fix="give two models, or the ids of two runs (cxrbench list runs)",
        )
    chosen = _chosen([*sides[0], *sides[1]], tasks, protocols)
    places = [_by_place(side, chosen) for side in sides]
    found: list[Match] = []
    skipped: dict[Place, str] = {}
    problems: list[BadRequest] = []
    for place in sorted(set(places[0]) | set(places[1]), key=lambda p: _order(p, tasks)):
        of_first, of_second = (side.get(place, []) for side in places)
        if not of_first or not of_second:
            skipped[place] = f"{second if of_first else first} has no run of it"
            continue
        at = f"{place[0]} under {place[1]}"
        try:
            found += _matched(of_first, of_second, (first, second), at)
        except BadRequest as error:
            problems.append(error)
            skipped[place] = f"{error.what}: {error.why}"
    compared = {match.first[0].spec.task for match in found}
    named = {task for task, _ in chosen if task in tasks}
    if not found or named - compared:
        missing = {p: why for p, why in skipped.items() if not found or p[0] in named - compared}
        only = len(missing) == len(problems) == 1
        raise problems[0] if only else _nothing(first, second, missing)
    return Matches(tuple(found), skipped)


def _runs_of(name: str, records: Sequence[Record]) -> list[Record]:
    """The runs of a model; or those of the group of a run.

    Raises:
        UnknownNameError: When there is none, or the run id fits several groups.
    """
    done = [record for record in records if record.status == "ok"]
    own = [record for record in done if record.spec.model == name]
    if own:
        return own
    runs = [r for r in done if r.run_id.startswith(name) or r.run_id.endswith(name)]
    groups = {record.spec.group_id for record in runs}
    if len(groups) == 1:
        return [record for record in done if record.spec.group_id in groups]
    failed = sum(record.spec.model == name for record in records)
    why = f"all {failed} runs of that model failed" if failed else "no model of that name has a run"
    models = sorted({record.spec.model for record in done})
    raise UnknownNameError(
        f"cannot tell which runs {name} are",
        why=f"{why}, and {len(groups) or 'no'} settings have such a run id",
        fix=did_you_mean(name, [r.run_id for r in runs] or models, "cxrbench list runs"),
    )


def _chosen(
    records: Sequence[Record], tasks: Sequence[str], protocols: Sequence[str]
) -> set[Place]:
    """The tasks and protocols that fit what was asked for.

    Raises:
        UnknownNameError: When something that was asked for fits no run.
    """
    places = {(record.spec.task, record.spec.protocol) for record in records}
    for patterns, index, kind in ((tasks, 0, "task"), (protocols, 1, "protocol")):
        known = sorted({place[index] for place in places})
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise UnknownNameError(
                    f"neither model was run on the {kind} {pattern}"
                    if kind == "task"
                    else f"neither model was run under the protocol {pattern}",
                    why=f"their runs are of {', '.join(known)}",
                    fix=did_you_mean(pattern, known, "cxrbench list runs"),
                )
    return {
        (task, protocol)
        for task, protocol in places
        if _fits(task, tasks) and _fits(protocol, protocols)
    }


def _order(place: Place, tasks: Sequence[str]) -> tuple[int, int, Place]:
    """As tasks were asked for, then by length: 1 % comes before 10 % and 100 %."""
    asked = (i for i, pattern in enumerate(tasks) if fnmatchcase(place[0], pattern))
    return next(asked, 0), len(place[0]), place


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _by_place(records: Iterable[Record], chosen: set[Place]) -> dict[Place, list[Record]]:
    found: dict[Place, list[Record]] = defaultdict(list)
    for record in records:
        place = record.spec.task, record.spec.protocol
        if place in chosen:
            found[place].append(record)
    return found


def _matched(
    first: Sequence[Record], second: Sequence[Record], names: tuple[str, str], at: str
) -> list[Match]:
    """The matches of one task and protocol, one for each state of the data that both have.

    Raises:
        BadRequest: When there is none, or a model has several settings.
    """
    states = [_by_data(side) for side in (first, second)]
    common = [key for key in states[0] if key in states[1]]
    if not common:
        raise BadRequest(
            f"{names[0]} and {names[1]} were not run on the same data for {at}",
            why=f"they differ in {_listed(_data_differences(first[0], second[0]))}",
            fix="run both on the same data, with the same splits",
        )
    return [_match(states[0][key], states[1][key], names, at) for key in common]


def _match(
    first: Sequence[Record], second: Sequence[Record], names: tuple[str, str], at: str
) -> Match:
    for side, name in ((first, names[0]), (second, names[1])):
        _refuse_several(side, name, at)
    seeds = [{record.spec.seed: record for record in side} for side in (first, second)]
    common = sorted(set(seeds[0]) & set(seeds[1]))
    if not common:
        told = (f"{n} has {_listed(sorted(s))}" for n, s in zip(names, seeds, strict=True))
        raise BadRequest(
            f"{names[0]} and {names[1]} have no common seed for {at}",
            why="; ".join(told),
            fix="run the missing seeds: cxrbench run --seeds",
        )
    notes = [
        f"{'seed' if len(extra) == 1 else 'seeds'} {_listed(extra)} of {name} left out"
        for name, own in zip(names, seeds, strict=True)
        if (extra := sorted(set(own) - set(common)))
    ]
    settings = _setting_differences(first[0], second[0])
    if settings:
        notes.append(f"settings that differ: {_listed(settings)}")
    one, other = (tuple(side[seed] for seed in common) for side in seeds)
    return Match(one, other, tuple(notes))


def _refuse_several(records: Sequence[Record], name: str, at: str) -> None:
    """Refuse runs of one model that differ in more than their seed.

    Raises:
        BadRequest: When they do.
    """
    groups: dict[str, Record] = {}
    for record in records:
        groups.setdefault(record.spec.group_id, record)
    if len(groups) > 1:
        one, other, *_ = groups.values()
        differ = _differences(_own_settings(one), _own_settings(other))
        raise BadRequest(
            f"{name} was run in {len(groups)} settings for {at}",
            why=f"they differ in {_listed(differ)}",
            fix=f"give one of its runs in place of {name}: "
            + " or ".join(record.run_id for record in groups.values()),
        )


def _by_data(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[sha256_json(_data(record))].append(record)
    return found


def _data(record: Record) -> dict[str, Any]:
    """What the numbers of a run stand on."""
    spec, data = record.spec, record.dataset
    named = {"data set": data.name, "kind of data": data.kind}
    return {**named, **spec.data, "task version": spec.task_version, "--limit": spec.limit}


def _data_differences(one: Record, other: Record) -> list[str]:
    return _differences(_data(one), _data(other))


def _setting_differences(one: Record, other: Record) -> list[str]:
    """Settings of two models' runs, beside the model, that differ; a protocol may ask for it."""
    sides = [_own_settings(record) for record in (one, other)]
    return [name for name in _differences(*sides) if name.partition(".")[0] not in _WHO]


def _own_settings(record: Record) -> dict[str, Any]:
    """All that is said of a run but its seed, its data and what was measured; names with dots."""
    spec = record.spec
    recipe = {name: value for name, value in spec.recipe.items() if name != "metrics"}
    own = {"card": spec.encoder, "weights": spec.weights, "precision": spec.precision}
    return _flat({**own, "training images at once": spec.micro_batch, **recipe})


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*one, *other])
    return [name for name in names if one.get(name) != other.get(name)]


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))


def _nothing(first: str, second: str, skipped: Mapping[Place, str]) -> BadRequest:
    reasons = [f"{task} under {protocol}: {why}" for (task, protocol), why in skipped.items()]
    shown = "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if reasons[3:] else "")
    return BadRequest(
        f"{first} and {second} have nothing to compare",
        why=shown or "no run fits what was asked for",
        fix="run both on the same task under the same protocol (cxrbench list runs)",
    )
