"""`cxrbench check`: the conformance suite of encoders, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cxrbench.cli.context import JsonOption, registry, split_names
from cxrbench.cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from cxrbench.testing.report import Report


def check(
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", help="Model names or globs, comma-separated."),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|random",
            help="Else the card's weights where they are on this machine, or random ones.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device.")] = "cpu",
    json: JsonOption = False,
) -> None:
    """Check that encoders do what their cards and the encoder interface say.

    Runs the suite of `cxrbench.testing` on generated images: no data set is needed. The exit code
    is 1 when a check fails.

    Example: cxrbench --plugin ./my-encoder check --model my-encoder
    """
    from cxrbench.execution.machine import choose_device
    from cxrbench.testing import check_encoder

    found = registry()
    chosen = choose_device(device)
    names = found.models.match(split_names(model))
    for family in _families(found.models.ids(), model):
        note(f"{family} stands for a family and is left out; check a member of it by name")
    reports = []
    for name in names:
        report = check_encoder(found.model(name).card, weights, chosen)
        reports.append(report)
        if not json:
            _print_report(report)
    if json:
        print_json([report.to_json() for report in reports])
    raise typer.Exit(0 if all(report.ok for report in reports) else 1)


def _families(ids: list[str], asked: list[str]) -> list[str]:
    """The pattern cards that a glob for everything would mean, had they an encoder."""
    return [name for name in ids if name.endswith("/*") and "*" in split_names(asked)]


def _print_report(report: Report) -> None:
    say(report.model)
    print_table(
        ["check", "result", "detail"],
        [(result.check, result.status, result.text) for result in report.results],
    )
    say(report.summary)
