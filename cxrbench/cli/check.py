"""`cxrbench check`: the conformance suite of encoders, from the command line."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrbench.cli.context import JsonOption, registry, split_names
from cxrbench.cli.output import note, print_json, say
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from cxrbench.testing.reference import Compared


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
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Compare with these vectors of the reference implementation instead.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that encoders do what their cards and the encoder interface say.

    Runs the suite of `cxrbench.testing` on generated images: no data set is needed. For several
    models, prints what failed and a table of all at the end. With --reference, compares every
    array of a folder of reference vectors instead, on the CPU. The exit code is 1 when a check
    fails.

    Example: cxrbench --plugin ./my-encoder check --model my-encoder
    """
    from cxrbench.cli.check_tables import print_overview, print_report
    from cxrbench.execution.machine import choose_device
    from cxrbench.testing import check_encoder

    if reference is not None:
        _check_reference(split_names(model), reference, weights, json)
    found = registry()
    chosen = choose_device(device)
    names = found.models.match(split_names(model))
    for family in _families(found.models.ids(), model):
        note(f"{family} stands for a family and is left out; check a member of it by name")
    reports = []
    for number, name in enumerate(names, 1):
        report = check_encoder(found.model(name).card, weights, chosen)
        reports.append(report)
        gc.collect()  # transformers keeps networks in cycles, and the next one needs the room
        if len(names) > 1:
            result = "ok" if report.ok else f"{len(report.failures)} failed"
            note(f"[{number}/{len(names)}] {name}: {result}, {report.seconds:.1f} s")
        if not json and (len(names) == 1 or not report.ok):
            print_report(report, failures_alone=len(names) > 1)
    if len(names) > 1 and not json:
        print_overview(reports)
    if json:
        print_json([report.to_json() for report in reports])
    raise typer.Exit(0 if all(report.ok for report in reports) else 1)


def _check_reference(
    models: tuple[str, ...], folder: Path, weights: str | None, json: bool
) -> None:
    """Compare one encoder with reference vectors, a line an array; does not return."""
    from cxrbench.testing.reference import check_reference

    found = registry()
    names = found.models.match(models)
    if len(names) != 1 or weights is not None:
        raise BadRequest(
            "cannot compare with reference vectors",
            why="--weights was given, but the weights are those the vectors were made with"
            if weights is not None
            else f"the vectors are those of one model, {len(names)} are named",
            fix="say --model NAME --reference FOLDER",
        )
    quiet = (lambda _: None) if json else _print_compared
    report = check_reference(found.model(names[0]).card, folder, quiet)
    if json:
        print_json(report.to_json())
    else:
        say(report.summary)
    raise typer.Exit(0 if report.ok else 1)


def _print_compared(result: Compared) -> None:
    numbers = ""
    if result.error is not None and result.tolerance is not None:
        numbers = f"{result.error:.1e} of {result.tolerance:.0e}"
    note = f": {result.note}" if result.note else ""
    say(f"{result.status:<8} {numbers:<16} {result.name}{note}")


def _families(ids: list[str], asked: list[str]) -> list[str]:
    """The pattern cards that a glob for everything would mean, had they an encoder."""
    return [name for name in ids if name.endswith("/*") and "*" in split_names(asked)]
