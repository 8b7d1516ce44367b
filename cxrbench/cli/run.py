"""`cxrbench run`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

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

_CHOICES = {"precision": ("32", "bf16", "16"), "overwrite": ("missing", "failed", "all")}


def run(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Model names or globs, comma-separated."),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", help="Task names or globs, comma-separated."),
    ] = None,
    suite: Annotated[
        Path | None, typer.Option(help="A YAML file with models, tasks, protocols, seeds.")
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
    demo: Annotated[bool, typer.Option("--demo", help="Run on phantoms: no download.")] = False,
    data_root: DataRootOption = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH|random|MODEL=PATH", help="Instead of the card's weights."),
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
    from cxrbench.execution.plan import make_plan
    from cxrbench.execution.request import Request, parse_seeds, parse_weights, read_suite
    from cxrbench.weights.origin import contradictions

    for name, value in (("precision", precision), ("overwrite", overwrite)):
        _check_choice(name, value)
    asked = read_suite(suite) if suite else None
    models = split_names(model or []) or tuple(asked.models if asked else ())
    tasks = split_names(task or []) or tuple(asked.tasks if asked else ())
    if not models or not tasks:
        raise BadRequest(
            f"no {'task' if models else 'model'} to run",
            why="neither the options nor a suite names one",
            fix="say --model NAME --task NAME, or --suite FILE (`cxrbench list models|tasks`)",
        )
    suite_seeds = tuple(asked.seeds) if asked else (0,)
    found = registry()
    request = Request(
        models=models,
        tasks=tasks,
        seeds=parse_seeds(seeds) if seeds else suite_seeds,
        protocols=split_names(protocol or []) or tuple(asked.protocols if asked else ()),
        preprocessing=preprocessing or (asked.preprocessing if asked else None),
        weights=parse_weights(weights or []),
        roots=data_roots(found, data_root),
        demo=demo,
        precision=cast(Any, precision),
        batch_size=batch_size,
        limit=limit,
        fetch=not plan,
        overwrite=cast(Any, overwrite),
    )
    planned = make_plan(request, found, store(runs))
    for line in dict.fromkeys(c for p in planned for c in contradictions(p.model, p.weights)):
        note(f"note: {line}")
    if plan:
        print_plan(planned, json=json)
        return
    failed = _execute(planned, runs, device, batch_size, workers)
    records = [store(runs).get(p.spec.run_id) for p in planned if p.state != "not applicable"]
    if json:
        print_json([record.model_dump(mode="json") for record in records if record])
    else:
        print_results(planned, [record for record in records if record])
    raise typer.Exit(1 if failed else 0)


def _execute(
    planned: list[Any], runs: Path, device: str, batch_size: int | None, workers: int | None
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
