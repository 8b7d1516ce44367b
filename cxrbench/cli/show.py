"""`cxrbench show`: one run, in full."""

from __future__ import annotations

from typing import Annotated

import typer

from cxrbench.cli.context import DEFAULT_RUNS, JsonOption, RunsOption, existing_store
from cxrbench.cli.output import print_json
from cxrbench.errors import UnknownNameError
from cxrbench.names import did_you_mean


def show(
    run: Annotated[str, typer.Argument(help="A run id, or what it starts or ends with.")],
    metric: Annotated[
        str | None,
        typer.Option(help="Which one to show by class and subgroup; else the main metric."),
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Also the value of each label or class.")
    ] = False,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Show one run: what was run on what, and every number with its interval and its floor.

    Example: cxrbench show 4374497c936b --per-class
    """
    from cxrbench.cli.record_page import print_record

    record = existing_store(runs).find(run)
    if metric is not None and metric not in record.metrics:
        raise UnknownNameError(
            f"{record.run_id} has no metric {metric}",
            why=f"its record holds {', '.join(record.metrics) or 'none'}",
            fix=did_you_mean(metric, record.metrics, f"cxrbench show {run}"),
        )
    if json:
        print_json(record.model_dump(mode="json"))
        return
    print_record(record, metric or record.main_metric, per_class=per_class)
