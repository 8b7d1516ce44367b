"""Runs that cannot be planned, because their data or weights are not on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cxrbench.errors import BadRequest, CxrbenchError, MissingDataError, MissingWeightsError

_OTHERS = "or choose others with --task and --model"


@dataclass(frozen=True)
class MissingRun:
    """A run whose data or weights are not here; without them it has no id.

    Attributes:
        model: Model id.
        task: Task id.
        protocol: Protocol id.
        preprocessing: The mode asked for, if any.
        seed: Seed.
        errors: What is not here, and what to do; at least one.
    """

    model: str
    task: str
    protocol: str
    preprocessing: str | None
    seed: int
    errors: tuple[MissingDataError | MissingWeightsError, ...]

    @property
    def reason(self) -> str:
        """What is missing and what to do, in one line."""
        return "; ".join(f"{error.what}: {error.fix}" for error in self.errors)

    @property
    def lacking(self) -> str:
        """What is missing, in a few words."""
        return ", ".join(_short(error) for error in self.errors)

    @property
    def unfetchable(self) -> MissingRun:
        """The same with what is left when it is run, since open weights are fetched then."""
        left = (e for e in self.errors if not (isinstance(e, MissingWeightsError) and e.fetchable))
        return replace(self, errors=tuple(left))


def refusal(missing: Sequence[MissingRun]) -> CxrbenchError:
    """One error for all that is missing.

    Args:
        missing: At least one run.
    """
    errors = {_short(error): error for run in missing for error in run.errors}
    if len(errors) == 1:
        return next(iter(errors.values()))
    data = [e.name for e in errors.values() if isinstance(e, MissingDataError)]
    weights = [e.name for e in errors.values() if isinstance(e, MissingWeightsError)]
    counts = [_counted(data, "data set"), _counted(weights, "model", "weights of ")]
    named = [_named("data of", data), _named("weights of", weights)]
    steps = ["say --data-root NAME=DIR for each data set (`cxrbench data where`)"] if data else []
    if weights:
        steps.append("`cxrbench weights fetch MODEL` or --weights MODEL=PATH for each model")
    return BadRequest(
        f"{' and '.join(filter(None, counts))} are not on this machine",
        why="; ".join(filter(None, named)),
        fix=f"{', '.join(steps)}, {_OTHERS}; --plan shows which runs need them",
    )


def ways(missing: Iterable[MissingRun]) -> list[str]:
    """A line for everything that is missing: what, and what to do."""
    errors = {_short(error): error for run in missing for error in run.errors}
    return [f"{what}: {error.fix}" for what, error in errors.items()]


def _short(error: MissingDataError | MissingWeightsError) -> str:
    what = "data" if isinstance(error, MissingDataError) else "weights"
    return f"{what} of {error.name}"


def _counted(names: Sequence[str], one: str, of: str = "") -> str:
    return f"{of}{len(names)} {one}{'' if len(names) == 1 else 's'}" if names else ""


def _named(words: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{words} {listed}" if listed else ""
