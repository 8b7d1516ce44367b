"""`cxrbench serve`: the web page of the leaderboards, on this machine alone."""

from __future__ import annotations

from typing import Annotated

import typer

from cxrbench.cli.board import DEFAULT_OUT, IncludeOption, OutOption, made_board
from cxrbench.cli.context import DEFAULT_RUNS, RunsOption
from cxrbench.cli.output import note, say


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8000,
    runs: RunsOption = DEFAULT_RUNS,
    out: OutOption = DEFAULT_OUT,
    include: IncludeOption = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
) -> None:
    """Show the web page of the leaderboards. It is made again first where it is out of date.

    It is served on 127.0.0.1, which no other machine reaches, until Ctrl-C.

    Example: cxrbench serve --include unranked
    """
    import webbrowser

    from cxrbench.leaderboard.pages import write_pages
    from cxrbench.leaderboard.site import pages
    from cxrbench.leaderboard.site.server import server

    made = made_board(runs, out, include)
    for path in write_pages(out, pages(made)):
        note(f"{path}: {len(made.runs)} records")
    with server(out, port) as listening:
        address = f"http://127.0.0.1:{listening.server_port}/"
        say(f"{address} (Ctrl-C ends it)")
        if browser:
            webbrowser.open(address)
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            note("ended")
