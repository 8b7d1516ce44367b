"""The tables of `cxrbench run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from cxrbench.cli.output import print_json, print_table, say, stdout
from cxrbench.execution.missing import MissingRun, ways
from cxrbench.execution.plan import PlannedRun
from cxrbench.leaderboard.overview import Matrix, Unfit, overview
from cxrbench.leaderboard.tables import MISSING, Comparison, Row, comparisons
from cxrbench.results.record import Record

if TYPE_CHECKING:
    from cxrbench.execution.estimate import Estimate

_UNRANKED = "*"
_PLAN_FIELDS = (
    "run_id", "model", "task", "protocol", "preprocessing", "seed", "weights", "data",
    "official_splits", "leaks", "state", "note", "estimate",
)  # fmt: skip
_SIDE_BY_SIDE = 5
_GAP = 2


def print_plan(
    planned: Sequence[PlannedRun],
    estimates: Sequence[Estimate | None] | None,
    missing: Sequence[MissingRun] = (),
    *,
    json: bool,
) -> None:
    """What would be run and how long it takes at most, and what cannot be run and why."""
    each = estimates or list(repeat(None, len(planned)))
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
            "leaks": run.data.leaks,
            "state": run.state,
            "note": run.reason or run.work.words,
            "estimate": None if found is None else found.facts,
        }
        for run, found in zip(planned, each, strict=True)
    ]
    if json:
        print_json([*rows, *(_missing_facts(run) for run in missing)])
        return
    timed = [] if estimates is None else [">time"]
    print_table(
        ["model", "task", "protocol", ">seed", "weights", "data", "state", *timed, "note"],
        [
            (
                r["model"],
                r["task"],
                _protocol(r["protocol"], r["preprocessing"]),
                r["seed"],
                r["weights"],
                _data(run),
                r["state"],
                *([] if estimates is None else [_at_most(found)]),
                r["note"],
            )
            for run, r, found in zip(planned, rows, each, strict=True)
        ]
        + [
            (
                run.model,
                run.task,
                _protocol(run.protocol, run.preprocessing),
                run.seed,
                "",
                "",
                "missing",
                *([] if estimates is None else [""]),
                run.lacking,
            )
            for run in missing
        ],
    )
    todo = sum(run.state == "to run" for run in planned)
    count = len(planned) + len(missing)
    say(f"{todo} of {count} runs to do{_in_all(estimates)}")
    if missing:
        say(f"{len(missing)} cannot be run; choose others with --task and --model, or bring the")
        for line in ways(missing):
            say(f"- {line}")


def _missing_facts(run: MissingRun) -> dict[str, object]:
    """The fields of a planned run, as far as they are known of one that is missing something."""
    return {
        **dict.fromkeys(_PLAN_FIELDS),
        "model": run.model,
        "task": run.task,
        "protocol": run.protocol,
        "preprocessing": run.preprocessing,
        "seed": run.seed,
        "state": "missing",
        "note": run.reason,
    }


def _at_most(found: Estimate | None) -> str:
    """A bound where all is counted; `+ ?` where something comes on top."""
    if found is None:
        return ""
    if found.complete:
        return f"≤ {found.in_words}"
    return f"{found.in_words} + ?" if found.seconds else "?"


def _in_all(estimates: Sequence[Estimate | None] | None) -> str:
    """The sum of the estimates, and what it leaves out."""
    found = [estimate for estimate in estimates or () if estimate is not None]
    if not found:
        return ""
    from cxrbench.execution.estimate import in_words

    complete = all(estimate.complete for estimate in found)
    seconds = in_words(sum(estimate.seconds for estimate in found))
    said = [f", at most {seconds}." if complete else f", {seconds} and what is not counted (+ ?)."]
    if lacking := sum(estimate.heads is None for estimate in found):
        said += [f"Of {lacking} runs heads and scoring come on top: no finished run tells."]
    unknown = {kind: why for estimate in found for kind, why in estimate.unknown.items()}
    if unknown:
        said += [f"Not measured: {', '.join(_why(*each) for each in sorted(unknown.items()))}."]
    said += ["Early stopping and features kept from other commands make it less."]
    return " ".join(said)


def _why(kind: str, reason: str) -> str:
    return f"{kind} ({reason})" if reason else kind


def _data(run: PlannedRun) -> str:
    """What kind of data, whose split, and what two splits share where they should not."""
    split = f"{run.data.kind}, {'official' if run.data.official else 'custom'} split"
    return ", ".join([split, *(f"{n:,} {where}" for where, n in run.data.leaks.items())])


def _protocol(name: object, mode: object) -> str:
    return f"{name}, {mode} preprocessing" if mode else str(name)


def print_results(planned: Sequence[PlannedRun], records: Sequence[Record]) -> None:
    """The table that the runs of a plan belong to, or of several tasks an overview.

    What does not apply has a – in its place, and the reason below.
    """
    unfit = {Unfit(r.spec.model, r.spec.task, r.spec.protocol, r.reason): None
             for r in planned if r.state == "not applicable"}  # fmt: skip
    tables = comparisons(records)
    several = len({table.task for table in tables}) > 1
    if several:
        _print_overview(overview(records, unfit), records)
    for table in () if several else tables:
        own = [u for u in unfit if (u.task, u.protocol) == (table.task, table.protocol)]
        _print_comparison(table, [u.model for u in own])
    together: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in unfit:
        together[each.model, each.protocol, each.reason].append(each.task)
    for (model, protocol, reason), tasks in together.items():
        say(f"{MISSING} {model} on {', '.join(tasks)} under {protocol}: not applicable ({reason})")


def _print_comparison(table: Comparison, unfit: Sequence[str]) -> None:
    """Metrics by models while they fit side by side, else models by the main metric."""
    say(table.title)
    blank = (MISSING,) * len(table.columns)
    shown = [*table.rows[:-1], *(Row(model, blank) for model in unfit), table.rows[-1]]
    if len(shown) <= _SIDE_BY_SIDE:
        cells = zip(*(row.cells for row in shown), strict=True)
        rows = [(column, *line) for column, line in zip(table.headings, cells, strict=True)]
        print_table(["", *(f">{row.name}" for row in shown)], rows)
        return
    print_table(
        ["", f">{table.headings[0]}", f">{table.headings[-1]}"],
        [(row.name, row.cells[0], row.cells[-1]) for row in shown],
    )


def _print_overview(matrices: Sequence[Matrix], records: Sequence[Record]) -> None:
    """Tasks by models, as many models side by side as the width holds."""
    none = not any(r.status == "ok" and not r.unranked_because for r in records)
    ranked = "; none of it is ranked" if none else ""
    marks = False
    say(f"Main metric of each task, in % where no unit stands: mean ± sd over seeds (n){ranked}")
    for matrix in matrices:
        for first, last in _blocks(matrix):
            say(f"\n{matrix.protocol}: {matrix.metric}")
            models = [
                f"{name}{_mark(name in matrix.unranked, none)}"
                for name in matrix.models[first:last]
            ]
            print_table(
                ["task", ">test", *(f">{name}" for name in models), ">floor"],
                [
                    (
                        f"{line.named}{_mark(line.unranked, none)}",
                        f"{line.test:,}",
                        *line.cells[first:last],
                        line.floor,
                    )
                    for line in matrix.lines
                ],
            )
        marks = marks or bool(matrix.unranked) or any(line.unranked for line in matrix.lines)
    if marks and not none:
        say(f"{_UNRANKED} not ranked")
    command = "cxrbench leaderboard --include unranked" if none else "cxrbench leaderboard"
    say(f"All metrics: `{command}`. One run: `cxrbench show RUN`.")


def _mark(unranked: bool, none: bool) -> str:
    """The mark of a row or column that is not ranked, where others are."""
    return f" {_UNRANKED}" if unranked and not none else ""


def _blocks(matrix: Matrix) -> list[tuple[int, int]]:
    """First and last model of each block of columns."""
    taken = max(len(line.named) for line in matrix.lines) + len("1,000") + len("floor") + 4 * _GAP
    widest = max(len(cell) for line in matrix.lines for cell in line.cells)
    words = max(len(word) for name in matrix.models for word in name.split())
    fit = max(1, (stdout.width - taken) // (max(widest, words) + _GAP))
    return [(first, first + fit) for first in range(0, len(matrix.models), fit)]
