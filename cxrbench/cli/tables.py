"""The tables of `cxrbench run`."""

from __future__ import annotations

from cxrbench.cli.output import print_json, print_table, say
from cxrbench.execution.plan import PlannedRun
from cxrbench.leaderboard.tables import Comparison, comparisons
from cxrbench.results.record import Record

_SIDE_BY_SIDE = 5


def print_plan(planned: list[PlannedRun], *, json: bool) -> None:
    """What would be run, and what cannot be and why."""
    rows = [
        {
            "run_id": run.spec.run_id,
            "model": run.spec.model,
            "task": run.spec.task,
            "protocol": run.spec.protocol,
            "preprocessing": run.spec.recipe.get("preprocessing_mode"),
            "seed": run.spec.seed,
            "weights": run.weights.source,
            "data": run.data.kind,
            "official_splits": run.data.official,
            "state": run.state,
            "note": run.reason or run.work.words,
        }
        for run in planned
    ]
    if json:
        print_json(rows)
        return
    print_table(
        ["model", "task", "protocol", ">seed", "weights", "data", "state", "note"],
        [
            (
                r["model"],
                r["task"],
                _protocol(r["protocol"], r["preprocessing"]),
                r["seed"],
                r["weights"],
                f"{r['data']}, {'official' if r['official_splits'] else 'custom'} split",
                r["state"],
                r["note"],
            )
            for r in rows
        ],
    )
    todo = sum(run.state == "to run" for run in planned)
    say(f"{todo} of {len(planned)} runs to do")


def _protocol(name: object, mode: object) -> str:
    return f"{name}, {mode} preprocessing" if mode else str(name)


def print_results(planned: list[PlannedRun], records: list[Record]) -> None:
    """The tables that the runs of a plan belong to, and what was not applicable."""
    for comparison in comparisons(records):
        _print_comparison(comparison)
    unfit = {(r.spec.model, r.spec.task, r.spec.protocol, r.reason) for r in planned
             if r.state == "not applicable"}  # fmt: skip
    for model, task, protocol, reason in sorted(unfit):
        say(f"– {model} on {task} under {protocol}: not applicable ({reason})")


def _print_comparison(comparison: Comparison) -> None:
    """Metrics by models while they fit side by side, else models by the main metric."""
    say(comparison.title)
    names = [row.name for row in comparison.rows]
    if len(names) <= _SIDE_BY_SIDE:
        cells = zip(*(row.cells for row in comparison.rows), strict=True)
        rows = [(column, *line) for column, line in zip(comparison.columns, cells, strict=True)]
        print_table(["", *(f">{name}" for name in names)], rows)
        return
    print_table(
        ["", f">{comparison.columns[0]}", f">{comparison.columns[-1]}"],
        [(row.name, row.cells[0], row.cells[-1]) for row in comparison.rows],
    )
