"""`cxrbench leaderboard`: regenerate the pages, or check them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrbench.cli.context import DEFAULT_RUNS, RunsOption, store
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
    bytes.
    """
    from cxrbench.leaderboard.markdown import pages
    from cxrbench.leaderboard.pages import differences, shared_records, write_pages

    records = {record.run_id: record for record in shared_records(out)}
    records.update({record.run_id: record for record in store(runs).records()})
    content = pages(records.values())
    if check:
        found = differences(out, content)
        for line in found:
            note(f"{out}: {line}")
        if found:
            note("run `cxrbench leaderboard`; pages are generated and never edited by hand")
            raise typer.Exit(1)
        say(f"the page(s) in {out}, {len(content)} in all, are what {len(records)} records say")
        return
    for path in write_pages(out, content):
        say(str(path))
