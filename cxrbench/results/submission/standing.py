"""What keeps a record from the leaderboards whatever its numbers are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from cxrbench.results.record import Record
from cxrbench.results.submission.findings import Finding
from cxrbench.results.submission.shareable import FOLDER


def standing(record: Record, include: Collection[str] = ()) -> Iterator[Finding]:
    """Whether the record is what its id says, may be ranked, and tells the code it was made with.

    Args:
        record: The record.
        include: What is not to be refused (see `INCLUDABLE`).
    """
    if record.run_id != record.spec.run_id:
        yield Finding(
            "run_id",
            f"it is not that of the spec, which is {record.spec.run_id}",
            "records are never edited: run again",
        )
    if record.spec.seed < 0:
        yield Finding("spec.seed", "it is negative", "run with a seed of 0 or more")
    if record.status == "failed" and "failed" not in include:
        yield Finding(
            "status",
            "the run failed" + (f" ({record.error.type})" if record.error else ""),
            "repair and run it again, or say --include failed",
        )
    if record.status == "ok" and record.main_metric not in record.metrics:
        yield Finding("metrics", "the main metric is not among them", "run again")
    reasons = record.unranked_because
    if reasons and "unranked" not in include:
        yield Finding(
            "dataset" if record.dataset.kind == "phantom" else "spec",
            f"it is never ranked: {', '.join(reasons)}",
            "run on the official data with trained weights, or say --include unranked",
        )
    yield from _code(record, include)


def _code(record: Record, include: Collection[str]) -> Iterator[Finding]:
    origin = record.provenance
    for field, told in (("created", origin.created), ("scored", origin.scored or origin.created)):
        if not _is_time(told):
            yield Finding(f"provenance.{field}", "it is no time", "run again")
    if origin.git.get("dirty") and "dirty" not in include:
        yield Finding(
            "provenance.git",
            "it was made from a clone with changes: no commit tells the code",
            "commit the changes and run again, or say --include dirty",
        )
    if not origin.git.get("commit") and "cxrbench" not in origin.versions:
        yield Finding(
            "provenance",
            "neither a commit nor a version of cxrbench is told",
            "run again with this version",
        )
    if origin.plugin.get("distribution", FOLDER).partition(":")[0] == FOLDER:
        yield Finding(
            "provenance.plugin",
            "the model is a plugin in a folder, which nobody else can install",
            "publish the package and say in the pull request where it is",
            refused=False,
        )
    if record.weights.source == "path":
        yield Finding(
            "weights",
            "the weights were given by a path",
            "say in the pull request where they can be had",
            refused=False,
        )


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
