"""`cxrbench compare`: two models on the same tasks, and whether they differ beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrbench.cli.context import (
    DEFAULT_RUNS,
    JsonOption,
    RunsOption,
    existing_store,
    split_names,
)
from cxrbench.cli.output import heading, note, print_json, print_table, say
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from cxrbench.metrics.significance import Difference
    from cxrbench.results.comparison import ModelComparison

_ENDINGS = (".png", ".pdf", ".svg")
_TOLD = 3
_COLUMNS = (">A", ">B", ">A - B", ">95 % CI", ">p", ">p (Holm)", ">DeLong p")


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A model, or a run id.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="Ids or globs, with commas; else all that both have."),
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", help="The same of protocols; else all.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="The same of metrics; else the main one of each task."),
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Also the difference in each label or class.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the differences: .png, .pdf or .svg."),
    ] = None,
    replicates: Annotated[
        int, typer.Option(min=19, help="Bootstrap replicates, and exchanges of the test.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Compare two models on stored predictions, patient by patient.

    Nothing is predicted: both have been run on the same task, protocol and data. A run id stands
    for its seeds; it tells apart runs of one model in several settings. Values are means over the
    seeds that both have. All that is compared at once is one family, over which p is adjusted.

    Example: cxrbench compare model-a model-b --task 'nih-*' --plot differences.pdf
    """
    from cxrbench.execution.compare import ComparisonRequest, compare_models
    from cxrbench.results.comparison import tested

    _check_plot(plot)
    request = ComparisonRequest(
        first=first,
        second=second,
        tasks=split_names(task or []),
        protocols=split_names(protocol or []),
        metrics=split_names(metric or []),
        replicates=replicates,
        seed=seed,
    )
    family, skipped = compare_models(existing_store(runs), request)
    if plot is not None:
        from cxrbench.leaderboard.difference_plot import save_differences

        save_differences(family, plot)
    for (name, under), why in skipped.items():
        note(f"{name} under {under} left out: {why}")
    if json:
        print_json(_as_json(family, skipped))
        return
    _print(family)
    if per_class:
        for each in family:
            _print_classes(each)
    least = tested(family) / (replicates + 1)
    if least > _level():
        note(f"with {replicates:,} replicates no p can be below {least:.2f}: raise --replicates")
    if plot is not None:
        say(f"\n{plot} written")


def _level() -> float:
    from cxrbench.leaderboard.difference import LEVEL

    return LEVEL


def _check_plot(path: Path | None) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        BadRequest: When the file cannot be written, or is of no known kind.
    """
    if path is None:
        return
    if path.suffix.lower() not in _ENDINGS:
        raise BadRequest(
            f"cannot draw {path}",
            why=f"its name does not end in {', '.join(_ENDINGS)}",
            fix="--plot differences.pdf",
        )
    if path.is_dir() or not path.parent.is_dir():
        raise BadRequest(
            f"cannot draw {path}",
            why="it is a folder" if path.is_dir() else f"there is no folder {path.parent}",
            fix="give a file in an existing folder",
        )


def _print(family: Sequence[ModelComparison]) -> None:
    from cxrbench.leaderboard import difference as words
    from cxrbench.leaderboard.units import heading as named
    from cxrbench.results.comparison import tested

    one = family[0]
    several = len({each.protocol for each in family}) > 1
    rows = []
    for each in family:
        found = each.found
        metric = named(each.metric, found.unit, higher_is_better=found.higher_is_better)
        task = f"{each.task}, {each.protocol}" if several else each.task
        more = (words.effect_cell(found.effect), words.p_text(found.p_bootstrap))
        rows.append((task, metric, *_cells(found, found.unit), *more))
    say(f"A: {one.first.name}\nB: {one.second.name}")
    print_table(["task", "metric", *_COLUMNS, ">effect", ">bootstrap p"], rows)
    if len(family) <= _TOLD:
        for each in family:
            say(words.sentence(each, tested(family)) + "\n")
    else:
        say(words.summary(family) + " --json has a sentence for each.")
    for text in dict.fromkeys(text for each in family for text in each.notes):
        where = [each.task for each in family if text in each.notes]
        note(f"{', '.join(dict.fromkeys(where))}: {text}")


def _print_classes(each: ModelComparison) -> None:
    heading(f"{each.task} under {each.protocol}: {each.metric} by class")
    if not each.found.by_label:
        say(f"{each.metric} pools the classes and has no value of each.")
        return
    rows = [(name, *_cells(found, each.found.unit)) for name, found in each.found.by_label.items()]
    print_table(["class", *_COLUMNS], rows)


def _cells(found: Difference, unit: str) -> list[str]:
    """The cells of `_COLUMNS`."""
    from cxrbench.leaderboard import difference as words

    return [
        words.value_cell(found.first, unit),
        words.value_cell(found.second, unit),
        words.gap_cell(found.difference, unit),
        words.interval_cell(found.ci95, unit),
        words.p_text(found.p),
        words.p_text(found.p_holm),
        words.p_text(found.delong.p if found.delong else None),
    ]


def _as_json(
    family: Sequence[ModelComparison], skipped: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    from cxrbench.leaderboard.difference import sentence
    from cxrbench.results.comparison import tested

    tests = tested(family)
    return {
        "tests": tests,
        "comparisons": [
            {**each.model_dump(mode="json"), "sentence": sentence(each, tests)} for each in family
        ],
        "skipped": [
            {"task": task, "protocol": protocol, "why": why}
            for (task, protocol), why in skipped.items()
        ],
    }
