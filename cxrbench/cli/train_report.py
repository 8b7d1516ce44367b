"""`cxrbench train-report`: train a generator of reports from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrbench.cli.context import (
    DEFAULT_RUNS,
    DataRootOption,
    JsonOption,
    RunsOption,
    data_roots,
    registry,
    store,
)
from cxrbench.cli.output import note, print_json, say
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from cxrbench.execution.plan import PlannedRun


def train_report(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="A YAML file, or the name of an installed recipe."),
    ],
    data_root: DataRootOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Train on phantoms: no download.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of weights and tokens; else trained/ID of the recipe."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="PATH|random", help="Of the encoder, instead of the card's."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Start from what an earlier training left in this folder (its --out)."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the protocol; repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's.")] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes what is there.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices that share each batch.")] = 1,
    precision: Annotated[
        str | None, typer.Option(help="32, bf16 or 16, instead of the recipe's.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Reports at once; training accumulates the rest.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Data-loading processes of each device.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Images of each split.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be done, and stop.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Train again what has a record.")
    ] = False,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Train a decoder or a language model to write reports, and keep its weights.

    `cxrbench run` does the same as a task's protocol says; a recipe may change the protocol, and
    the run is then not ranked. What was killed goes on; what is finished is not done again.

    Example: cxrbench train-report cogaze-tiny-phantom --demo
    """
    from cxrbench.cli.tables import print_plan, print_results
    from cxrbench.execution.machine import choose_device, default_workers
    from cxrbench.execution.report_training import (
        find_report_recipe,
        plan_training,
        read_report_recipe,
        train_report,
    )
    from cxrbench.runners.base import Machine
    from cxrbench.training.processes import is_helper

    read = read_report_recipe(find_report_recipe(recipe), overrides or [])
    found, kept = registry(), store(runs)
    asked: dict[str, Any] = {"roots": data_roots(found, data_root), "demo": demo, "limit": limit}
    asked |= {"batch_size": batch_size, "fetch": not plan}
    asked |= {"precision": _precision(precision)} if precision is not None else {}
    asked |= {"weights": {"*": weights}} if weights is not None else {}
    asked |= {"overwrite": "all" if overwrite else "failed"}
    chosen = read if seed is None else read.model_copy(update={"seed": seed})
    planned = plan_training(chosen, found, kept, init, **asked)
    folder = out or Path("trained") / read.id
    if plan:
        print_plan([planned], None, [], json=json)
        return
    on = choose_device(device)
    if devices > 1:
        on = on.partition(":")[0]
        _check_devices(planned, on, devices)
    machine = Machine(on, batch_size, default_workers() if workers is None else workers, devices)
    record = train_report(planned, kept, machine, folder, init)
    if is_helper():
        return
    for warning in record.warnings:
        note(f"note: {warning}")
    if json:
        print_json(record.model_dump(mode="json"))
    else:
        print_results([planned], [record])
        if record.status == "ok":
            say(f"{folder}: weights.safetensors, tokens and record")
    if record.status != "ok":
        raise typer.Exit(1)


def _precision(asked: str) -> str:
    if asked not in ("32", "bf16", "16"):
        raise BadRequest(
            f"cannot read --precision {asked}",
            why="expected one of 32, bf16, 16",
            fix="say --precision bf16, or leave it out for the recipe's",
        )
    return asked


def _check_devices(planned: PlannedRun, kind: str, devices: int) -> None:
    """Every device needs a report of every batch, or the others would wait for it for ever."""
    from torch import cuda

    from cxrbench.runners.reports.recipe import ReportRecipe
    from cxrbench.runners.reports.targets import reports_of

    there = cuda.device_count() if kind == "cuda" else devices
    recipe = ReportRecipe.model_validate(planned.spec.recipe)
    batch = planned.spec.micro_batch or recipe.batch_size
    count = len(reports_of(planned.data.splits["train"], recipe, "train"))
    if devices > there:
        why = f"there are {there}"
    elif batch % devices:
        why = f"a batch of {batch} reports is not divided by {devices}"
    elif count < batch:
        why = f"there are {count} training reports, fewer than a batch of {batch}"
    elif not recipe.drop_last:
        why = "the last batch of an epoch may have fewer reports than there are devices"
    else:
        return
    raise BadRequest(
        f"cannot train on {devices} devices",
        why=why,
        fix="say another --devices or --batch-size, or --set drop_last=true",
    )
