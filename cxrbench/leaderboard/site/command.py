"""The command that makes runs again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cxrbench.results.record import Record

GIVEN_WEIGHTS = "WEIGHTS"


def run_command(records: Sequence[Record]) -> str:
    """The `cxrbench run` that stands for runs which differ in their seed alone.

    What the run id leaves out (device, workers, folders) is not in it. Weights that were given by
    path are called `WEIGHTS`: only their hash is known.
    """
    first = records[0]
    spec = first.spec
    parts = ["cxrbench", "run", "--model", spec.model, "--task", spec.task]
    parts += ["--protocol", spec.protocol, "--seeds", _seeds([r.spec.seed for r in records])]
    if first.dataset.kind == "phantom":
        parts.append("--demo")
    if first.weights.source in {"random", "path"}:
        parts += ["--weights", {"random": "random", "path": GIVEN_WEIGHTS}[first.weights.source]]
    if mode := spec.recipe.get("preprocessing_mode"):
        parts += ["--preprocessing", str(mode)]
    if spec.precision != "32":
        parts += ["--precision", spec.precision]
    if spec.micro_batch is not None:
        parts += ["--batch-size", str(spec.micro_batch)]
    if spec.limit is not None:
        parts += ["--limit", str(spec.limit)]
    return shlex.join(parts)


def _seeds(seeds: Sequence[int]) -> str:
    """`3` for the seeds 0, 1 and 2; else a list, which ends in a comma where it has one alone."""
    found = sorted(set(seeds))
    if found == list(range(len(found))):
        return str(len(found))
    return ",".join(map(str, found)) + ("," if len(found) == 1 else "")
