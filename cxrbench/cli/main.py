"""The `cxrbench` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cxrbench import __version__
from cxrbench.cli import (
    check,
    compare,
    data,
    doctor,
    explain,
    figures,
    info,
    label,
    leaderboard,
    listing,
    new,
    phantom,
    pretrain,
    score,
    serve,
    show,
    submit,
    train_report,
    weights,
)
from cxrbench.cli import run as run_command
from cxrbench.cli.context import settings
from cxrbench.cli.output import print_error, say
from cxrbench.errors import CxrbenchError
from cxrbench.progress import stderr

app = typer.Typer(
    name="cxrbench",
    help="Benchmark chest X-ray vision-language encoders with numbers that can be compared.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run_command.run)
app.add_typer(listing.app, name="list")
app.command("info")(info.info)
app.command("pretrain")(pretrain.pretrain)
app.command("train-report")(train_report.train_report)
app.command("explain")(explain.explain)
app.command("show")(show.show)
app.command("score")(score.score)
app.command("label")(label.label)
app.command("compare")(compare.compare)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("figures")(figures.figures)
app.command("serve")(serve.serve)
app.command("submit")(submit.submit)
app.add_typer(data.app, name="data")
app.add_typer(phantom.app, name="phantom")
app.add_typer(weights.app, name="weights")
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.add_typer(new.app, name="new")

_INTERRUPTED = 130
# What cannot be parsed. Its class is click's or typer's own copy of it, by typer's version.
_UsageError: Any = typer.BadParameter.__bases__[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"cxrbench {__version__}")
        raise typer.Exit


@app.callback()
def main(
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", metavar="DIR", help="Folder of a plugin; repeatable."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command hold for every command."""
    settings.plugins = list(plugin or [])
    settings.debug = debug


def run() -> None:
    """Run the command line; errors become messages and exit codes.

    Exit codes: 0 all well, 1 some runs failed, 2 a bad request, 130 interrupted.
    """
    try:
        # Not typer's standalone mode, which ends in silence after Ctrl-C.
        code = app(standalone_mode=False)
    except CxrbenchError as error:
        if settings.debug:
            raise
        print_error(error)
        code = error.exit_code
    except _UsageError as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        stderr.print("interrupted; the same command goes on where it stopped", highlight=False)
    sys.exit(code)
