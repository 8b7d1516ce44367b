"""`cxrbench score`: score stored predictions again."""

from __future__ import annotations

from typing import Annotated

import typer

from cxrbench.cli.context import DEFAULT_RUNS, RunsOption, store
from cxrbench.cli.output import say


def score(
    run: Annotated[list[str], typer.Argument(help="Run ids, or what they start or end with.")],
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Score the stored predictions of runs again; the old record moves to `superseded/`.

    Nothing is predicted, so this can be done in another environment and without the data.
    """
    from cxrbench.execution.rescore import rescore

    for name in run:
        record = rescore(store(runs), name)
        main = record.metrics[record.main_metric]
        value = "–" if main.value is None else f"{main.value:.4f}"
        say(f"{record.run_id}: {record.main_metric} {value}")
