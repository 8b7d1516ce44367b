"""`cxrbench figures`: what papers print as figures, from records and stored predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrbench.cli.board import DEFAULT_OUT, UNRANKED, IncludeOption, wants_unranked
from cxrbench.cli.context import DEFAULT_RUNS, JsonOption, RunsOption, existing_store, split_names
from cxrbench.cli.output import note, print_json, say
from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.names import did_you_mean

_FORMATS = ("pdf", "svg", "png")


def figures(
    runs: RunsOption = DEFAULT_RUNS,
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = DEFAULT_OUT / "figures",
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="bars, retrieval, efficiency, roc, pr, calibration, dots, ranks, radar; "
            "repeatable or a list. [default: all that can be drawn, but radar]",
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Ids or globs, with commas. [default: all]")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="The same of tasks. [default: all]")
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", help="The same of protocols. [default: all]")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="pdf, svg, png. [default: all three]")
    ] = None,
    include: IncludeOption = None,
    replicates: Annotated[
        int, typer.Option(min=0, help="Bootstrap replicates of bands; 0: no bands.")
    ] = 200,
    pages: Annotated[
        Path, typer.Option(help="Folder of the pages: records in PAGES/records are drawn too.")
    ] = DEFAULT_OUT,
    redraw: Annotated[bool, typer.Option(help="Draw also what has not changed.")] = False,
    json: JsonOption = False,
) -> None:
    """Draw figures from records and stored predictions.

    A figure holds one protocol and one state of the data. Beside NAME.pdf, NAME.svg and NAME.png
    stands NAME.json: its caption, the runs it stands on, and the command that draws it. What has
    not changed is not drawn again; the same records give the same bytes.

    Example: cxrbench figures --kind roc,calibration --task 'nih-*' --out figures
    """
    from cxrbench.figures.run import plan
    from cxrbench.figures.scope import Selection

    suffixes = _suffixes(formats)
    if out.exists() and not out.is_dir():
        raise BadRequest(
            f"cannot draw into {out}", why="it is a file", fix="say --out DIR with a folder"
        )
    selection = Selection(
        models=split_names(model or []),
        tasks=split_names(task or []),
        protocols=split_names(protocol or []),
        unranked=wants_unranked(include),
    )
    found = plan(existing_store(runs), pages, split_names(kind or []), selection, replicates)
    from cxrbench.figures.write import write

    ending = suffixes[0] if len(suffixes) == 1 else f"{{{','.join(suffixes)}}}"
    done = []
    for each in write(
        found.sheets, out, suffixes, found.library, replicates=replicates, redraw=redraw
    ):
        done.append(each)
        if not json:
            first = each.files[0].with_suffix("")
            say(f"{first}.{ending}{'' if each.drawn else ' (unchanged)'}")
    if found.hidden:
        note(f"{found.hidden} records are not ranked and not drawn: --include {UNRANKED}")
    if kind and found.absent:
        note(f"no figure of the kind {', '.join(found.absent)} can be drawn of these records")
    if json:
        print_json(
            [
                {
                    "kind": each.sheet.kind,
                    "files": [str(path) for path in each.files],
                    "drawn": each.drawn,
                    "run_ids": [record.run_id for record in each.sheet.records],
                }
                for each in done
            ]
        )


def _suffixes(formats: list[str] | None) -> tuple[str, ...]:
    """The formats asked for, in their own order.

    Raises:
        UnknownNameError: When there is no such format.
    """
    asked = split_names(formats or [])
    for name in asked:
        if name not in _FORMATS:
            raise UnknownNameError(
                f"unknown format {name!r}",
                why=f"figures are saved as {', '.join(_FORMATS)}",
                fix=did_you_mean(name, _FORMATS, "cxrbench figures --help"),
            )
    return tuple(name for name in _FORMATS if not asked or name in asked)
