"""What a user asks to be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cxrbench.errors import BadRequest

Overwrite = Literal["missing", "failed", "all"]
Precision = Literal["32", "bf16", "16"]


@dataclass(frozen=True)
class Request:
    """One `cxrbench run`.

    Attributes:
        models: Names and globs.
        tasks: Names and globs.
        seeds: Seeds to run.
        protocols: Protocol ids; empty: each task's default.
        preprocessing: `native`, a mode, or None for what the protocol says.
        weights: Model name to what `--weights` said; the key `*` stands for every other model.
        roots: Data set name to folder.
        demo: Run on phantoms.
        precision: Of the computation.
        batch_size: Images at once on the device.
        limit: Samples of each split at most.
        fetch: Whether open weights that are absent are downloaded.
        overwrite: Which runs that have a record are run again.
        changes: What is otherwise than the protocol says.
        changed_as: Name of these changes, which the run's protocol has behind a `+`.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    protocols: tuple[str, ...] = ()
    preprocessing: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[str, Path] = field(default_factory=dict)
    demo: bool = False
    precision: Precision = "32"
    batch_size: int | None = None
    limit: int | None = None
    fetch: bool = True
    overwrite: Overwrite = "missing"
    changes: Mapping[str, Any] = field(default_factory=dict)
    changed_as: str = ""


def parse_seeds(text: str) -> tuple[int, ...]:
    """`3` means seeds 0, 1 and 2; `0,7` means these; `5,` means seed 5 alone.

    Raises:
        BadRequest: When it is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts and all(part.isdecimal() for part in parts):
        numbers = [int(part) for part in parts]
        if "," in text:
            return tuple(dict.fromkeys(numbers))
        if numbers[0] > 0:
            return tuple(range(numbers[0]))
    raise BadRequest(
        f"cannot read --seeds {text}",
        why="expected a count (3) or a list (0,1,2)",
        fix="say --seeds 3 for the seeds 0, 1 and 2",
    )


def parse_weights(arguments: list[str]) -> dict[str, str]:
    """`PATH`, `random` or `MODEL=PATH` arguments, by model or glob; `*` stands for every model."""
    found = {}
    for argument in arguments:
        model, equals, value = argument.partition("=")
        found[model if equals else "*"] = value if equals else argument
    return found
