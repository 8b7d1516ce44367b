"""The tables of `cxrbench check`: of one encoder, and of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cxrbench.cli.output import print_table, say

if TYPE_CHECKING:
    from cxrbench.testing.report import Report

_COLUMNS = (
    "model", "result", ">parameters", ">trained", ">pooled", ">grid", "deterministic",
    "batch invariant", ">ms/image", ">seconds",
)  # fmt: skip


def print_report(report: Report, *, failures_alone: bool = False) -> None:
    """A row a check, then a line on the encoder."""
    results = report.failures if failures_alone else report.results
    say(report.model)
    print_table(
        ["check", "result", "detail"],
        [(result.check, result.status, result.text) for result in results],
    )
    say(report.summary)


def print_overview(reports: Sequence[Report]) -> None:
    """A row an encoder."""
    print_table(_COLUMNS, [_row(report) for report in reports])
    failed = [report.model for report in reports if not report.ok]
    seconds = sum(report.seconds for report in reports)
    weights = sorted({report.weights for report in reports})
    say(
        f"{len(reports) - len(failed)} of {len(reports)} encoders pass, in {seconds:.0f} s on "
        f"{reports[0].device} (weights: {', '.join(weights)})"
    )
    if failed:
        say(f"failed: {', '.join(failed)}")


def _row(report: Report) -> tuple[str, ...]:
    status = {result.check: result.status for result in report.results}
    ms = report.ms_per_image
    return (
        report.model,
        "ok" if report.ok else f"{len(report.failures)} failed",
        _count(report.parameters),
        _count(report.trainable),
        _shape(report, "pooled"),
        _shape(report, "grid"),
        status.get("deterministic", "–"),
        status.get("batch-invariant", "–"),
        "–" if ms is None else f"{ms:.1f}",
        f"{report.seconds:.1f}",
    )


def _count(number: int | None) -> str:
    from cxrbench.testing.report import millions

    return "–" if number is None else millions(number)


def _shape(report: Report, name: str) -> str:
    return "×".join(map(str, report.shapes[name])) if name in report.shapes else "–"
