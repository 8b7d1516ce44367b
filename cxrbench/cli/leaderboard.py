"""`cxrbench leaderboard`: regenerate the pages, or check them."""

from __future__ import annotations

from typing import Annotated

import typer

from cxrbench.cli.board import DEFAULT_OUT, UNRANKED, IncludeOption, OutOption, made_board
from cxrbench.cli.context import DEFAULT_RUNS, RunsOption, split_names
from cxrbench.cli.output import note, say


def leaderboard(
    runs: RunsOption = DEFAULT_RUNS,
    out: OutOption = DEFAULT_OUT,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="md, html, latex, csv; repeatable or a list: md,latex."),
    ] = None,
    include: IncludeOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a page is not up to date.")
    ] = False,
) -> None:
    """Regenerate the pages from the records and from what papers published.

    Records come from the results folder and from OUT/records, published numbers from OUT/published.
    The same records give the same bytes. Generated pages that have no record behind them any more
    are deleted.

    Example: cxrbench leaderboard --format md,latex --check
    """
    from cxrbench.leaderboard.formats import DEFAULT, render
    from cxrbench.leaderboard.pages import differences, remove_stale, write_pages

    wanted = split_names(formats or []) or DEFAULT
    made = made_board(runs, out, include)
    records = len(made.runs) + made.hidden
    content = render(made, wanted)
    if check:
        lines = differences(out, content, wanted)
        for line in lines:
            note(f"{out}: {line}")
        if lines:
            note(f"run `{made.footer.command}`; pages are generated and never edited by hand")
            raise typer.Exit(1)
        say(f"the page(s) in {out}, {len(content)} in all, are what {records} records say")
        return
    for path in write_pages(out, content):
        say(str(path))
    for path in remove_stale(out, content, wanted):
        say(f"{path} deleted: it has no record behind it")
    if made.hidden:
        note(f"{made.hidden} of {records} records are not ranked and not shown: "
             f"--include {UNRANKED}")  # fmt: skip
