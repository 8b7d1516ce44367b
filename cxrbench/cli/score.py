"""`cxrbench score`: score stored predictions again, or a file of anyone's reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrbench.cli.context import DEFAULT_RUNS, JsonOption, RunsOption, split_names, store
from cxrbench.cli.output import say
from cxrbench.errors import BadRequest

_ENDINGS = (".csv", ".json")
_FILE = "Files of reports"


def score(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN… | FILE",
            help="Run ids, or what they start or end with; or one .csv or .json of reports.",
        ),
    ],
    runs: RunsOption = DEFAULT_RUNS,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            help="Groups (lexical, sections, findings, clinical), names or ids, with commas. "
            "[default: lexical]",
            rich_help_panel=_FILE,
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="What is done to the texts: coco-dotspace, ptb-lower or raw.",
            rich_help_panel=_FILE,
        ),
    ] = "coco-dotspace",
    cut_references: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Cut references to N words, or tokens with --tokenizer.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="A tokenizer.json, or the folder of one.", rich_help_panel=_FILE),
    ] = None,
    unique_references: Annotated[
        bool,
        typer.Option(
            "--unique-references",
            help="Count every distinct reference once (studies, not images).",
            rich_help_panel=_FILE,
        ),
    ] = False,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of unique ids.", rich_help_panel=_FILE),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column to resample by, such as the patient.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Another file of the same reports: paired differences.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    per_report: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Write values of each report.", rich_help_panel=_FILE),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="Write reports side by side.", rich_help_panel=_FILE),
    ] = None,
    cases: Annotated[
        int,
        typer.Option(min=1, help="Worst and best reports shown by --html.", rich_help_panel=_FILE),
    ] = 25,
    replicates: Annotated[
        int, typer.Option(min=0, help="Bootstrap replicates.", rich_help_panel=_FILE)
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", rich_help_panel=_FILE)] = 0,
    json: JsonOption = False,
) -> None:
    """Score the stored predictions of runs again; the old record moves to `superseded/`.

    Nothing is predicted, so this can be done in another environment and without the data.

    A FILE holds reference and generated reports, a row each (`reference_report`,
    `generated_report`, and `dicom_id` or `id`), or ReXrank's JSON. Its texts stay where they are:
    scores are printed, and reports are written only by --html.
    """
    files = [name for name in what if _is_file(name)]
    if not files:
        given = [metrics, cut_references, tokenizer, id_column, group, compare, per_report, html]
        if any(option is not None for option in given) or json or unique_references:
            raise BadRequest(
                f"{what[0]} is no file of reports",
                why="it is taken for a run, and what was asked for is about files",
                fix="give an existing .csv or .json, or leave all options but --runs out",
            )
        _score_runs(what, runs)
        return
    if len(what) > 1:
        raise BadRequest(
            f"cannot score {' and '.join(what)} at once",
            why="files of reports are scored one by one",
            fix="give one file; --compare FILE compares it with another",
        )
    from cxrbench.cli.score_file import FileRequest, score_file

    score_file(
        FileRequest(
            path=Path(files[0]),
            metrics=split_names(metrics or ["lexical"]),
            preset=preset,
            cut=cut_references,
            tokenizer=tokenizer,
            unique=unique_references,
            id_column=id_column,
            group=group,
            compare=compare,
            per_report=per_report,
            html=html,
            cases=cases,
            replicates=replicates,
            seed=seed,
        ),
        json=json,
    )


def _is_file(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) or Path(name).is_file()


def _score_runs(names: list[str], runs: Path) -> None:
    from cxrbench.execution.rescore import rescore

    for name in names:
        record = rescore(store(runs), name)
        main = record.metrics[record.main_metric]
        value = "–" if main.value is None else f"{main.value:.4f}"
        say(f"{record.run_id}: {record.main_metric} {value}")
