"""What the commands about leaderboards share: their options, and the board they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrbench.cli.context import existing_store, split_names
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from cxrbench.leaderboard.board import Board

UNRANKED = "unranked"
DEFAULT_OUT = Path("leaderboards")
OutOption = Annotated[Path, typer.Option(help="Folder of the pages.")]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="`unranked`: also runs on phantoms or custom splits, with random weights or "
        "--limit. They are never ranked."
    ),
]


def made_board(runs: Path, out: Path, include: list[str] | None) -> Board:
    """The board of the records in RUNS and OUT/records, of OUT/published and of OUT/figures.

    Raises:
        BadRequest: When a file cannot be read, or `include` asks for what there is not.
        MixedError: When numbers that were made in different ways would stand in one column.
    """
    from dataclasses import replace

    from cxrbench.leaderboard.build import COMMAND, board
    from cxrbench.leaderboard.collect import collect
    from cxrbench.leaderboard.layout import read_layout
    from cxrbench.leaderboard.published import read_published
    from cxrbench.leaderboard.site.figures import read_figures

    unranked = wants_unranked(include)
    made = board(
        collect(existing_store(runs).folder, out),
        read_published(out),
        read_layout(out),
        unranked=unranked,
        command=f"{COMMAND} --include {UNRANKED}" if unranked else COMMAND,
    )
    return replace(made, figures=read_figures(out, made.runs))


def wants_unranked(include: list[str] | None) -> bool:
    """Whether `--include` asks for what is not ranked.

    Raises:
        BadRequest: When it asks for something else.
    """
    wanted = split_names(include or [])
    for name in wanted:
        if name != UNRANKED:
            raise BadRequest(
                f"cannot include {name!r}",
                why=f"{UNRANKED} is the only thing that pages leave out",
                fix=f"say --include {UNRANKED}",
            )
    return bool(wanted)
