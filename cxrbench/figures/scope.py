"""The runs that figures are made of, parted into those that may stand in one figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.figures.library import Library
from cxrbench.leaderboard.groups import Group, groups_of
from cxrbench.leaderboard.layout import Layout
from cxrbench.names import did_you_mean
from cxrbench.results.record import Record


@dataclass(frozen=True)
class Selection:
    """Which records are drawn; ids or globs, none: all.

    Attributes:
        models: Of models.
        tasks: Of tasks.
        protocols: Of protocols.
        unranked: Whether records that are never ranked are drawn too, in figures of their own.
    """

    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    unranked: bool = False


@dataclass(frozen=True)
class Scope:
    """What kinds of figures choose from.

    Attributes:
        groups: The runs, by seed.
        layout: Which metrics are shown, in what order.
        library: Stored predictions.
        replicates: Bootstrap replicates of bands.
    """

    groups: Sequence[Group]
    layout: Layout
    library: Library
    replicates: int

    def parts(self, key: Callable[[Group], Hashable]) -> list[list[Group]]:
        """The groups that agree in a key, their protocol and whether they are ranked.

        Ranked ones come first; the order depends on the content of the groups alone.
        """
        found: dict[tuple[bool, str, Hashable], list[Group]] = defaultdict(list)
        for group in self.groups:
            ranked = not group.first.unranked_because
            found[not ranked, group.first.spec.protocol, key(group)].append(group)
        return [found[name] for name in sorted(found, key=lambda name: (name[0], repr(name)))]


def chosen(records: Sequence[Record], selection: Selection) -> tuple[list[Group], int]:
    """The runs that are drawn, and how many records were left out because they are not ranked.

    Raises:
        UnknownNameError: When a model, task or protocol that was asked for has no record.
        BadRequest: When nothing is left.
    """
    if not records:
        raise BadRequest(
            "there is nothing to draw",
            why="no run has a record",
            fix="run a model first: cxrbench run --model … --task …, or say --runs DIR",
        )
    found = list(records)
    for what, patterns in (
        ("model", selection.models), ("task", selection.tasks), ("protocol", selection.protocols)
    ):  # fmt: skip
        found = _fitting(found, what, patterns)
    shown = [r for r in found if selection.unranked or not r.unranked_because]
    reasons = sorted({reason for record in found for reason in record.unranked_because})
    if not any(record.status == "ok" for record in shown):
        raise BadRequest(
            "there is nothing to draw",
            why=f"{len(found)} records are left: none succeeded and is ranked"
            + (f" ({', '.join(reasons)})" if reasons else ""),
            fix="--include unranked draws what is never ranked, in figures of their own"
            if reasons and not selection.unranked
            else "run the tasks again with --overwrite failed",
        )
    return groups_of(shown), len(found) - len(shown)


def _fitting(records: list[Record], what: str, patterns: Iterable[str]) -> list[Record]:
    """The records whose model, task or protocol fits a pattern; all where there is none."""
    asked = list(patterns)
    if not asked:
        return records
    known = sorted({str(getattr(record.spec, what)) for record in records})
    for pattern in asked:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UnknownNameError(
                f"no record of the {what} {pattern}",
                why=f"there are records of {', '.join(known)}",
                fix=did_you_mean(pattern, known, "cxrbench list runs"),
            )
    return [r for r in records
            if any(fnmatchcase(getattr(r.spec, what), pattern) for pattern in asked)]  # fmt: skip
