"""Comparing an encoder with numbers that its reference implementation computed.

A model card names a callable in its field `reference`. It is given a folder of reference vectors
and the card, builds the encoder with the values the folder asks for, and yields a `Compared` for
every array of the folder; one that nothing computes is `failed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.errors import BadRequest, CxrbenchError
from cxrbench.registry import load_entry

TOLERANCE = 1e-4
"""Largest difference that is rounding in float32, relative to the array's largest magnitude."""
NEAR_ZERO = 1e-5
"""Arrays that stay below are compared in absolute terms: rounding is all they hold."""
ABSOLUTE = 1e-6

Status = Literal["ok", "FAIL", "skipped"]


@dataclass(frozen=True)
class Compared:
    """How one array compares with its reference.

    Attributes:
        name: File and array.
        error: Largest difference, relative to the largest magnitude of the reference (absolute
            where that is almost zero); None when nothing was compared.
        tolerance: Largest error that passes.
        ok: Whether it passed; None when it was skipped.
        note: Why it was skipped or failed, or how it was compared.
        absent: Whether the folder lacks it, so that the comparison is incomplete.
    """

    name: str
    error: float | None
    tolerance: float | None
    ok: bool | None
    note: str = ""
    absent: bool = False

    @property
    def status(self) -> Status:
        """In a word."""
        return "skipped" if self.ok is None else "ok" if self.ok else "FAIL"


Reference = Callable[[Path, ModelCard], Iterable[Compared]]
"""What a card's `reference` names."""


@dataclass(frozen=True)
class ReferenceReport:
    """The results of all arrays of a folder.

    Attributes:
        model: Id of the model.
        results: In the order they were computed.
        seconds: Time it took.
    """

    model: str
    results: tuple[Compared, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether something was compared and nothing failed."""
        return any(r.ok for r in self.results) and all(r.ok is not False for r in self.results)

    @property
    def complete(self) -> bool:
        """Whether the folder holds all that can be compared."""
        return not any(result.absent for result in self.results)

    @property
    def largest(self) -> Compared | None:
        """The comparison with the largest error."""
        compared = [result for result in self.results if result.error is not None]
        return max(compared, key=lambda result: cast(float, result.error), default=None)

    @property
    def summary(self) -> str:
        """One line: counts and the largest error."""
        states = [result.status for result in self.results]
        counts = (
            f"{states.count('ok')} ok, {states.count('FAIL')} failed, "
            f"{states.count('skipped')} skipped"
        )
        if not self.complete:
            absent = sum(result.absent for result in self.results)
            counts += f"; incomplete, {absent} file(s) not there"
        largest = self.largest
        worst = "" if largest is None else f"; largest error {largest.error:.1e} ({largest.name})"
        return f"{self.model}: {counts}{worst}; {self.seconds:.0f} s"

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        largest = None if self.largest is None else asdict(self.largest)
        return {"ok": self.ok, "complete": self.complete, "largest": largest, **asdict(self)}


def check_reference(
    card: ModelCard, folder: Path, seen: Callable[[Compared], None] = lambda _: None
) -> ReferenceReport:
    """Compare an encoder with the reference vectors of a folder.

    Args:
        card: Of the encoder.
        folder: Its reference vectors.
        seen: Called with every result as soon as it is there.

    Raises:
        BadRequest: When the card names no comparison, or there is no such folder.
        PluginError: When what the card names cannot be imported.
    """
    if not card.reference:
        raise BadRequest(
            f"{card.id} has no reference to be checked against",
            why="its card has no field `reference`",
            fix="leave --reference out to run the conformance suite",
        )
    if not folder.is_dir():
        raise BadRequest(
            f"no reference vectors at {folder}",
            why="there is no such folder",
            fix="give the folder that holds the manifest and the vectors",
        )
    start, results = time.perf_counter(), []
    compare_all = cast(Reference, load_entry(card.reference))
    for result in compare_all(folder, card):
        results.append(result)
        seen(result)
    return ReferenceReport(card.id, tuple(results), time.perf_counter() - start)


def compare(
    name: str,
    found: Tensor,
    expected: object,
    tolerance: float = TOLERANCE,
    scale: float | None = None,
) -> Compared:
    """Compare numbers.

    Args:
        name: Of the array.
        found: What was computed.
        expected: The reference, as an array.
        tolerance: Largest error that passes, relative to `scale`.
        scale: The largest magnitude of `expected` unless given; 1 compares in absolute terms.
    """
    theirs = torch.as_tensor(np.asarray(expected)).double()
    ours = found.detach().cpu().double()
    if ours.shape != theirs.shape:
        shapes = f"shape {tuple(ours.shape)}, expected {tuple(theirs.shape)}"
        return Compared(name, None, tolerance, False, shapes)
    if not theirs.numel():
        return skipped(name, "the array is empty")
    note = ""
    if scale is None:
        scale = float(theirs.abs().max())
    if scale < NEAR_ZERO:
        scale, tolerance, note = 1.0, ABSOLUTE, "absolute: the reference is almost 0"
    error = float((ours - theirs).abs().max()) / scale
    # Not `<=` alone: no comparison with a number that is not finite may pass.
    return Compared(name, error, tolerance, bool(np.isfinite(error) and error <= tolerance), note)


def compare_exactly(name: str, found: object, expected: object, slack: int = 0) -> Compared:
    """Compare integers, or names, that have to agree; integers may differ by `slack`."""
    ours, theirs = np.asarray(found), np.asarray(expected)
    if ours.shape != theirs.shape:
        return Compared(name, None, 0.0, False, f"shape {ours.shape}, expected {theirs.shape}")
    if slack:
        distance = np.abs(ours.astype(np.int64) - theirs.astype(np.int64)).max(initial=0)
        scale = max(1, int(np.abs(theirs).max(initial=0)))
        note = f"{distance} off, {slack} allowed"
        return Compared(name, distance / scale, slack / scale, bool(distance <= slack), note)
    wrong = int((ours != theirs).sum())
    return Compared(name, float(wrong), 0.0, wrong == 0, f"{wrong} differ" if wrong else "exact")


def skipped(name: str, reason: str) -> Compared:
    """An array that nothing is compared with."""
    return Compared(name, None, None, None, reason)


def missing(name: str, reason: str) -> Compared:
    """A file that the folder lacks: skipped, and the comparison is incomplete."""
    return Compared(name, None, None, None, reason, absent=True)


def failed(name: str, reason: str) -> Compared:
    """A comparison that could not be made."""
    return Compared(name, None, None, False, reason)


def attempt(name: str, results: Iterable[Compared]) -> Iterator[Compared]:
    """The results; an error that ends them becomes a failed one, so that others still run."""
    try:
        yield from results
    except CxrbenchError as error:
        yield failed(name, f"{error.what}: {error.why}")
    except Exception as error:  # whatever a plugin raises is a failure of this part
        reason = (str(error).splitlines() or ["no message"])[0]
        yield failed(name, f"{type(error).__name__}: {reason}")
