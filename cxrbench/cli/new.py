"""`cxrbench new`: the project of a plugin, ready to run and to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrbench.cli.output import say

app = typer.Typer(no_args_is_help=True, help="Start a plugin: an encoder or a task of your own.")

OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder in which the project's is made.")
]


@app.command()
def model(name: str, out: OutOption = Path()) -> None:
    """Write a plugin with one small encoder that works, for you to replace.

    Example: cxrbench new model my-encoder
    """
    from cxrbench.scaffold.project import write_project

    _say_written(write_project("model", name, out))
    say(f"check it:  cxrbench --plugin {out / name} check --model {name}")
    say(f"try it:    cxrbench --plugin {out / name} run --demo --model {name} --task TASK")


@app.command()
def task(name: str, out: OutOption = Path()) -> None:
    """Write a plugin with one classification task that reads a CSV file and a folder of images.

    Example: cxrbench new task my-hospital
    """
    from cxrbench.scaffold.project import write_project

    _say_written(write_project("task", name, out))
    say(f"see it:    cxrbench --plugin {out / name} info {name}-100pct")
    say(f"test it:   pip install -e {out / name} && pytest {out / name}")


def _say_written(paths: list[Path]) -> None:
    for path in paths:
        say(str(path))
