"""`cxrbench leaderboard`: regenerate the pages, or check them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrbench.cli.context import DEFAULT_RUNS, RunsOption, existing_store
from cxrbench.cli.output import note, say


def leaderboard(
    runs: RunsOption = DEFAULT_RUNS,
    out: Annotated[Path, typer.Option(help="Folder of the pages.")] = Path("leaderboards"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a page is not up to date.")
    ] = False,
) -> None:
    """Regenerate the Markdown pages from the records.

    Records come from the results folder and from OUT/records. The same records give the same
    bytes. Generated pages that have no record behind them any more are deleted.
    """
    from cxrbench.leaderboard.markdown import pages
    from cxrbench.leaderboard.pages import differences, remove_stale, shared_records, write_pages

    found = existing_store(runs)
    records = {record.run_id: record for record in shared_records(out)}
    records.update({record.run_id: record for record in found.records()})
    content = pages(records.values())
    if check:
        lines = differences(out, content)
        for line in lines:
            note(f"{out}: {line}")
        if lines:
            note("run `cxrbench leaderboard`; pages are generated and never edited by hand")
            raise typer.Exit(1)
        say(f"the page(s) in {out}, {len(content)} in all, are what {len(records)} records say")
        return
    for path in write_pages(out, content):
        say(str(path))
    for path in remove_stale(out, content):
        say(f"{path} deleted: it has no record behind it")
