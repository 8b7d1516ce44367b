"""`cxrbench run`: the main job."""

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
    settings,
    split_names,
    store,
)
from cxrbench.cli.output import note, print_json
from cxrbench.errors import BadRequest, RunBusyError
from cxrbench.registry import Registry

if TYPE_CHECKING:
    from cxrbench.execution.estimate import Estimate
    from cxrbench.execution.plan import PlannedRun
    from cxrbench.execution.request import Request

_CHOICES = {"precision": ("32", "bf16", "16"), "overwrite": ("missing", "failed", "all")}


def run(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Model names or globs, comma-separated. Of a suite: in the parts that name them; "
            "those that no part names, in every part.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", help="Task names or globs, comma-separated."),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="What to run (`cxrbench list suites`); other options go before it.",
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="A count (3) or a list (0,1,2).")] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(help="Protocols, comma-separated; else each task's own.")
    ] = None,
    preprocessing: Annotated[
        str | None,
        typer.Option(
            metavar="native|MODE",
            help="In place of the protocol's: each encoder's own, or one for all "
            "(`cxrbench list modes`).",
        ),
    ] = None,
    demo: Annotated[
        bool | None,
        typer.Option("--demo/--no-demo", help="Run on phantoms: no download.", show_default=False),
    ] = None,
    data_root: DataRootOption = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH|random|MODEL=…", help="Instead of the card's weights; MODEL or glob."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes what is there.")] = "auto",
    precision: Annotated[str, typer.Option(help="32, bf16 or 16.")] = "32",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images at once; training accumulates the rest.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Data-loading processes.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Samples of each split; such runs are not ranked.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be run, and stop.")] = False,
    estimate: Annotated[
        bool,
        typer.Option("--estimate/--no-estimate", help="With --plan: how long it takes at most."),
    ] = True,
    overwrite: Annotated[
        str, typer.Option(help="Run again: missing (nothing), failed, or all.")
    ] = "missing",
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Run models on tasks. What has a record is not run again; what was killed goes on.

    Example: cxrbench run --model cogaze --task nih-1pct --seeds 3 --data-root nih=/data/nih
    """
    from cxrbench.cli.tables import print_plan, print_results
    from cxrbench.execution.missing import refusal
    from cxrbench.execution.plan import left_out, survey
    from cxrbench.weights.origin import contradictions

    for name, value in (("precision", precision), ("overwrite", overwrite)):
        _check_choice(name, value)
    found = registry()
    requests = _requests(
        found,
        suite,
        model,
        task,
        protocol,
        weights,
        seeds,
        demo,
        preprocessing=preprocessing,
        roots=data_roots(found, data_root),
        precision=precision,
        batch_size=batch_size,
        limit=limit,
        fetch=not plan,
        overwrite=overwrite,
    )
    surveyed = survey(requests, found, store(runs))
    planned, missing = surveyed.runs, surveyed.missing
    if missing and not plan:
        raise refusal(missing)
    for line in dict.fromkeys(line for r in requests for line in left_out(r, found)):
        note(f"note: {line}")
    for line in dict.fromkeys(c for p in planned for c in contradictions(p.model, p.weights)):
        note(f"note: {line}")
    if plan:
        estimates = _estimates(planned, runs, device, batch_size) if estimate else None
        print_plan(planned, estimates, missing, json=json)
        return
    failed = _execute(planned, runs, device, batch_size, workers)
    records = [store(runs).get(p.spec.run_id) for p in planned if p.state != "not applicable"]
    if json:
        print_json([record.model_dump(mode="json") for record in records if record])
    else:
        print_results(planned, [record for record in records if record])
    raise typer.Exit(1 if failed else 0)


def _requests(
    found: Registry,
    suite: str | None,
    model: list[str] | None,
    task: list[str] | None,
    protocol: list[str] | None,
    weights: list[str] | None,
    seeds: str | None,
    demo: bool | None,
    **common: Any,
) -> list[Request]:
    """What the options and the suite stand for: a request for each part of the suite."""
    from cxrbench.execution.request import Request, parse_seeds, parse_weights
    from cxrbench.execution.suite import (
        Suite,
        chosen_parts,
        find_suite,
        read_suite,
        unused_weights,
        weights_of,
    )

    models, tasks = split_names(model or []), split_names(task or [])
    asked = read_suite(find_suite(suite)) if suite else None
    if not (models or (asked and any(p.models for p in asked.each_part))) or not (tasks or asked):
        raise BadRequest(
            f"no {'task' if models else 'model'} to run",
            why="neither the options nor a suite names one",
            fix="say --model NAME --task NAME, or --suite NAME; `cxrbench list` has the names",
        )
    asked = asked or Suite(tasks=list(tasks))
    parts = chosen_parts(asked, found, models, tasks, split_names(protocol or []))
    given = parse_weights(weights or [])
    everyone = list(dict.fromkeys(name for part in parts for name in part.models))
    if unused := unused_weights(everyone, given):
        raise BadRequest(
            f"--weights names {', '.join(unused)}, which is not run",
            why=f"the models of this request are {', '.join(everyone)}",
            fix="say --weights MODEL=PATH for a model of the request",
        )
    everywhere = {"*": given["*"]} if "*" in given else {}
    common["preprocessing"] = common["preprocessing"] or asked.preprocessing
    return [
        Request(
            models=tuple(part.models),
            tasks=tuple(part.tasks),
            protocols=tuple(part.protocols),
            seeds=parse_seeds(seeds) if seeds else tuple(part.seeds),
            weights={**everywhere, **weights_of(part.models, given, asked.weights)},
            demo=asked.demo if demo is None else demo,
            **common,
        )
        for part in parts
    ]


def _estimates(
    planned: list[PlannedRun], runs: Path, device: str, batch_size: int | None
) -> list[Estimate | None]:
    """How long each run takes at most; None for what is not to be run."""
    if not any(p.state == "to run" for p in planned):
        return [None] * len(planned)
    from cxrbench.execution.estimate import estimate
    from cxrbench.execution.machine import choose_device

    return estimate(planned, choose_device(device), store(runs).records(), batch_size)


def _execute(
    planned: list[PlannedRun], runs: Path, device: str, batch_size: int | None, workers: int | None
) -> bool:
    """Run what is to be run; says whether any run of the plan has failed."""
    todo = [p for p in planned if p.state == "to run"]
    if not todo:
        done = sum(p.state == "done" for p in planned)
        note(f"nothing to do: {done} of {len(planned)} runs have a record in {runs}")
        return any(p.state == "failed before" for p in planned)
    from cxrbench.execution.local import TRACEBACK, run_plan, verify_weights
    from cxrbench.execution.machine import choose_device, default_workers
    from cxrbench.runners.base import Machine

    chosen = choose_device(device)
    verify_weights(todo)
    machine = Machine(chosen, batch_size, default_workers() if workers is None else workers)
    if len(todo) < len(planned):
        note(f"{len(planned) - len(todo)} of {len(planned)} runs need no work")
    failed = any(p.state == "failed before" for p in planned)
    for number, result in enumerate(run_plan(planned, store(runs), machine), 1):
        if isinstance(result, RunBusyError):
            failed = True
            note(f"[{number}/{len(todo)}] {result}")
            continue
        seconds = sum(result.timings.values())
        note(f"[{number}/{len(todo)}] {result.run_id}: {result.status}, {seconds:.1f} s")
        if result.error is not None:
            failed = True
            note(f"  {result.error.message}\n  why: {result.error.why}\n  do:  {result.error.fix}")
            if settings.debug:
                note((runs / result.run_id / TRACEBACK).read_text())
    return failed


def _check_choice(name: str, value: str) -> None:
    if value not in _CHOICES[name]:
        raise BadRequest(
            f"cannot read --{name} {value}",
            why=f"expected one of {', '.join(_CHOICES[name])}",
            fix=f"say --{name} {_CHOICES[name][0]}",
        )
