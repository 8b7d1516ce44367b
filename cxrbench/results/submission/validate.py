"""Checking records that are sent: files as strangers wrote them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cxrbench.results.record import Record
from cxrbench.results.submission.against_cards import differences_from_cards
from cxrbench.results.submission.findings import Finding
from cxrbench.results.submission.known import Known
from cxrbench.results.submission.numbers import impossible_numbers
from cxrbench.results.submission.shareable import shareable
from cxrbench.results.submission.standing import standing
from cxrbench.results.submission.texts import named, telling_texts

MOST_BYTES = 1 << 20
"""Of one file. The largest so far, 14 labels under ten prompts and two contexts, takes a fifth."""

SUFFIX = ".json"
_DEEPEST = 40
_PACK = "pack the run with `cxrbench submit` and send that file as it is"
Know = Callable[[Record], Known]


@dataclass(frozen=True)
class Checked:
    """A file and what was found in it.

    Attributes:
        path: The file.
        run_id: Of its record; empty where it holds none.
        findings: What was found.
    """

    path: Path
    run_id: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not any(finding.refused for finding in self.findings)


def check_record(record: Record, known: Known, include: Collection[str] = ()) -> list[Finding]:
    """All that is to be said of a record that is already reduced to what is shared.

    Args:
        record: The record.
        known: What cards here say of it.
        include: What is not to be refused (see `INCLUDABLE`).
    """
    return [
        *standing(record, include),
        *differences_from_cards(record, known),
        *impossible_numbers(record),
        *telling_texts(record, known.words),
    ]


def check_file(path: Path, know: Know, include: Collection[str] = ()) -> Checked:
    """Check one file: that it is a record, that nothing is in it but what is shared, and the rest.

    Args:
        path: The file.
        know: What cards here say of a record.
        include: What is not to be refused.
    """
    try:
        told = _read(path)
        record = Record.model_validate(told)
    except _Unreadable as error:
        return Checked(path, findings=[Finding("file", str(error), _PACK)])
    except ValidationError as error:
        return Checked(path, findings=[_of_schema(line) for line in error.errors()])
    kept = shareable(record)
    findings = []
    if path.name != f"{record.run_id}{SUFFIX}":
        findings.append(Finding("file", "its name is not that of its run id", _PACK))
    findings += [
        Finding(where, "it is not what is shared of a record", _PACK)
        for where in _not_kept(told, kept.model_dump(mode="json"))
    ]
    return Checked(path, record.run_id, [*findings, *check_record(kept, know(kept), include)])


def check_files(
    paths: Iterable[Path], know: Know, include: Collection[str] = ()
) -> Iterator[Checked]:
    """Check files; of two with one run id the later one is refused."""
    seen: Counter[str] = Counter()
    for path in paths:
        checked = check_file(path, know, include)
        if checked.run_id and seen[checked.run_id]:
            checked.findings.append(
                Finding("run_id", "another of these files has it too", "send one of them")
            )
        seen[checked.run_id] += 1
        yield checked


class _Unreadable(Exception):  # noqa: N818  (it names what it is)
    """Why a file is not read."""


def _read(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        _Unreadable: When it is too large, or not JSON in which every name stands once.
    """
    if path.suffix != SUFFIX or path.is_symlink():
        raise _Unreadable("it is no .json file")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _Unreadable(f"it is larger than {MOST_BYTES:,} bytes")
        told = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_once,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (OSError, ValueError, RecursionError) as error:  # a number may have too many digits
        raise _Unreadable(f"it cannot be read as JSON ({type(error).__name__})") from error
    if _depth(told) > _DEEPEST:
        raise _Unreadable(f"it is nested more than {_DEEPEST} deep")
    return told


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; what stands twice would be hidden from whoever reads the file with a program."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unreadable("a name stands twice in one of its objects")
    return found


def _finite(text: str) -> float:
    """A number; the constants of JavaScript are none, and neither is what becomes one of them."""
    value = float(text)
    if not math.isfinite(value):
        raise _Unreadable("a number is not finite")
    return value


def _depth(value: Any) -> int:
    """Levels of nested JSON; without recursion, since that is what it guards."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def _of_schema(line: Any) -> Finding:
    where = ".".join(named(str(part)) for part in line["loc"]) or "file"
    return Finding(where, f"not a record of schema 1: {line['msg']}", _PACK)


def _not_kept(told: Any, kept: Any, where: str = "") -> Iterator[str]:
    """Places at which a file says what `shareable` does not; defaults may be left out."""
    if isinstance(told, dict) and isinstance(kept, dict):
        for name, value in told.items():
            place = f"{where}.{named(name)}" if where else name
            if name not in kept:
                yield place
            else:
                yield from _not_kept(value, kept[name], place)
    elif isinstance(told, list) and isinstance(kept, list) and len(told) == len(kept):
        for position, (one, other) in enumerate(zip(told, kept, strict=True)):
            yield from _not_kept(one, other, f"{where}[{position}]")
    elif not _same(told, kept):
        yield where


def _same(told: Any, kept: Any) -> bool:
    """Whether two leaves are one value: 1 and 1.0 are, 1 and true or "1" are not."""
    kinds = {int if isinstance(v, float) else type(v) for v in (told, kept)}
    return len(kinds) == 1 and bool(told == kept)
