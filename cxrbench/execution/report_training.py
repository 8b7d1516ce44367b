"""Training a generator of reports by a recipe, and what it leaves: weights, tokens, a record."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrbench.atomic import atomic_path, write_text
from cxrbench.cards import read_yaml
from cxrbench.cards.overrides import with_overrides
from cxrbench.discovery import REPORT_RECIPES, named_file
from cxrbench.errors import BadRequest, WeightsError
from cxrbench.execution.local import run_one, verify_weights
from cxrbench.execution.plan import PlannedRun, make_plan
from cxrbench.execution.request import Request
from cxrbench.hashing import sha256_file, sha256_json
from cxrbench.registry import Registry
from cxrbench.results.record import Record
from cxrbench.results.store import RECORD, Store
from cxrbench.runners.base import Machine
from cxrbench.runners.reports.generators import INIT_TOKENS, TOKENS
from cxrbench.runners.reports.weights import INIT, WEIGHTS, export
from cxrbench.training.processes import is_helper

_FIELDS = "cxrbench.execution.report_training.ReportTraining and of the protocol's reports"


class ReportTraining(BaseModel):
    """A recipe: a model, a task, a protocol, and what is otherwise than the protocol says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    model: str
    task: str
    protocol: str
    seed: int = Field(default=0, ge=0)
    precision: Literal["32", "bf16", "16"] = "32"
    changes: dict[str, Any] = Field(
        default_factory=dict, description="Fields of the protocol's recipe, with its names."
    )


def find_report_recipe(name: str) -> Path:
    """The file of a recipe that is named as a path, or by its name in an installed package.

    Raises:
        UnknownNameError: When no package offers the name, which cannot be a path.
        PluginError: When several do.
    """
    return named_file("report recipe", REPORT_RECIPES, name, _advice)


def read_report_recipe(path: Path, overrides: Sequence[str] = ()) -> ReportTraining:
    """Read a recipe.

    Args:
        path: YAML.
        overrides: `KEY=VALUE` of `changes`, with dots between levels, such as `epochs=3`.

    Raises:
        BadRequest: When the file or an override cannot be used.
    """
    if not path.is_file():
        raise BadRequest(
            f"no recipe at {path}", why="there is no such file", fix="correct the path"
        )
    content = read_yaml(path)
    changes = content.get("changes") or {}
    content["changes"] = with_overrides(
        changes, overrides, "epochs=3 or generator.decoder.layers=2", _FIELDS
    )
    try:
        return ReportTraining.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            f"cannot read the recipe {path.name}",
            why=f"{path}: {where}: {first['msg']}",
            fix=f"correct it; its fields are those of {_FIELDS}",
        ) from error


def plan_training(
    recipe: ReportTraining, registry: Registry, store: Store, init: Path | None, **asked: Any
) -> PlannedRun:
    """The one run that a recipe stands for.

    Args:
        recipe: The recipe.
        registry: Where its names are known.
        store: Where its record goes.
        init: Folder of an earlier training to start from.
        **asked: Other fields of a `Request`, such as `roots` and `demo`.

    Raises:
        CxrbenchError: When it cannot be run.
    """
    changes = dict(recipe.changes)
    if init is not None:
        tokens = init / TOKENS
        files = [_weights_of(init), *([tokens] if tokens.exists() else [])]
        changes["init"] = sha256_json([sha256_file(path) for path in files])
    request = Request(
        models=(recipe.model,),
        tasks=(recipe.task,),
        protocols=(recipe.protocol,),
        seeds=(recipe.seed,),
        changes=changes,
        changed_as=recipe.id,
        **{"precision": recipe.precision, **asked},
    )
    plan = make_plan(request, registry, store)
    if len(plan) != 1 or plan[0].task.type != "reports":
        raise BadRequest(
            f"{recipe.id} is no training of reports",
            why=f"{recipe.task} with {recipe.model} is {len(plan)} runs of other types",
            fix="name one model and one task of report generation",
        )
    if plan[0].state == "not applicable":
        raise BadRequest(
            f"{recipe.model} cannot be trained on {recipe.task}",
            why=plan[0].reason,
            fix="choose another model, or another protocol",
        )
    return plan[0]


def train_report(
    planned: PlannedRun, store: Store, machine: Machine, out: Path, init: Path | None = None
) -> Record:
    """Train, or go on training, and write weights, tokens and record to a folder.

    Args:
        planned: Of `plan_training`.
        store: Where the run is kept.
        machine: How the machine is used.
        out: Where to write.
        init: As for `plan_training`.

    Raises:
        WeightsError: When weights do not fit.
        RunBusyError: When another process has the run.
    """
    run = store.run_folder(planned.spec.run_id)
    if init is not None and not is_helper():
        _bring(init, run)
    record = planned.record if planned.state == "done" else None
    if record is None:
        verify_weights([planned])
        record = run_one(planned, store, machine)
    if record.status == "ok":
        export(run, out)
        write_text(out / RECORD, record.model_dump_json(indent=2) + "\n")
    return record


def _bring(init: Path, run: Path) -> None:
    """Weights and tokens to the folder of the run, where they are looked for."""
    for source, place in ((_weights_of(init), run / INIT), (init / TOKENS, run / INIT_TOKENS)):
        if source.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(place) as temporary:
                shutil.copyfile(source, temporary)


def _weights_of(folder: Path) -> Path:
    path = folder / WEIGHTS
    if not path.is_file():
        raise WeightsError(
            f"nothing to start from in {folder}",
            why=f"it has no {WEIGHTS}",
            fix="give the folder that `cxrbench train-report` wrote (--out)",
        )
    return path


def _advice(known: Iterable[str]) -> str:
    return f"name a YAML file, or an installed recipe: {', '.join(sorted(known))}"
