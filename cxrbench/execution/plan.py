"""Planning: every run a request stands for, what it will do, and what cannot be done and why.

All that can be known before work starts is found here: names, weights and their hashes, data and
its splits. Nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cxrbench.cards import ModelCard, ProtocolCard, TaskCard, merge
from cxrbench.data.open import open_task
from cxrbench.data.samples import LabelledImages
from cxrbench.discovery import Provider
from cxrbench.errors import BadRequest
from cxrbench.execution.request import Overwrite, Request
from cxrbench.registry import Registered, Registry
from cxrbench.results.record import Record
from cxrbench.results.spec import RunSpec
from cxrbench.results.store import Store
from cxrbench.runners.base import Runner, get_runner
from cxrbench.weights.choice import Weights, resolve

State = Literal["to run", "done", "failed before", "not applicable"]


@dataclass(frozen=True)
class PlannedRun:
    """One run.

    Attributes:
        spec: What is run.
        model: Model card.
        provider: Who offers the model.
        task: Task card.
        runner: What runs it.
        weights: What the encoder is filled with.
        data: The opened data.
        state: Whether it will be run.
        reason: Why it will not, or a few words on what it will do.
        record: The record it has already.
    """

    spec: RunSpec
    model: ModelCard
    provider: Provider
    task: TaskCard
    runner: Runner
    weights: Weights
    data: LabelledImages
    state: State
    reason: str
    record: Record | None = None


def make_plan(request: Request, registry: Registry, store: Store) -> list[PlannedRun]:
    """Resolve a request.

    Raises:
        CxrbenchError: Of the kind that fits, with exit code 2, when the request cannot be met.
    """
    models = _models(request, registry)
    tasks = [registry.tasks.get(n).card for n in registry.tasks.match(request.tasks)]
    pairs = [(task, protocol) for task in tasks for protocol in _protocols(request, registry, task)]
    opened: dict[str, LabelledImages] = {}
    plan = []
    for task, protocol in pairs:
        runner = get_runner(task.type)
        for model, weights in models:
            fields = _recipe_fields(protocol, task, model.card)
            recipe = runner.recipe(fields)
            unfit = runner.not_applicable(model.card, recipe)
            if task.id not in opened:
                data = open_task(task, request.roots, demo=request.demo)
                opened[task.id] = data.limited(request.limit)
            for seed in request.seeds:
                spec = _spec(
                    request, model.card, weights, task, protocol, recipe, seed, opened[task.id]
                )
                record = store.get(spec.run_id) if unfit is None else None
                state, reason = _state(unfit, record, request.overwrite)
                plan.append(
                    PlannedRun(
                        spec,
                        model.card,
                        model.provider,
                        task,
                        runner,
                        weights,
                        opened[task.id],
                        state,
                        reason or runner.work(recipe, opened[task.id]),
                        record,
                    )
                )
    return plan


def _models(request: Request, registry: Registry) -> list[tuple[Registered[ModelCard], Weights]]:
    names = registry.models.match(request.models)
    unknown = set(request.weights) - {"*", *names}
    if unknown:
        raise BadRequest(
            f"--weights names {', '.join(sorted(unknown))}, which is not run",
            why=f"the models of this request are {', '.join(names)}",
            fix="say --weights MODEL=PATH for a model of the request",
        )
    everywhere = request.weights.get("*")
    if len(names) > 1 and everywhere not in (None, "random"):
        raise BadRequest(
            "one path of weights is given for several models",
            why=f"--weights {everywhere} and the models {', '.join(names)}",
            fix="say --weights MODEL=PATH for each",
        )
    found = [registry.model(name) for name in names]
    return [(f, resolve(f.card, request.weights.get(f.card.id, everywhere))) for f in found]


def _protocols(request: Request, registry: Registry, task: TaskCard) -> list[ProtocolCard]:
    names = request.protocols or (task.default_protocol,)
    cards = [registry.protocols.get(name).card for name in registry.protocols.match(names)]
    for card in cards:
        if card.id not in task.protocols or task.type not in card.recipes:
            raise BadRequest(
                f"{task.id} cannot be run under {card.id}",
                why=f"its card allows {', '.join(task.protocols)}",
                fix="choose one of these with --protocol",
            )
    return cards


def _recipe_fields(protocol: ProtocolCard, task: TaskCard, model: ModelCard) -> dict[str, object]:
    """The protocol's section, with what the task and then the model set on top."""
    own = dict(task.protocols[protocol.id])
    per_model = own.pop("per_model", {})
    return merge(merge(protocol.recipes[task.type], own), per_model.get(model.id, {}))


def _spec(
    request: Request,
    model: ModelCard,
    weights: Weights,
    task: TaskCard,
    protocol: ProtocolCard,
    recipe: dict[str, object],
    seed: int,
    data: LabelledImages,
) -> RunSpec:
    return RunSpec(
        model=model.id,
        model_version=model.version,
        weights=weights.digest,
        task=task.id,
        task_version=task.version,
        data=data.fingerprint,
        protocol=protocol.id,
        recipe=recipe,
        seed=seed,
        precision=request.precision,
        micro_batch=_micro_batch(request.batch_size, recipe),
        limit=request.limit,
    )


def _micro_batch(asked: int | None, recipe: dict[str, object]) -> int | None:
    """The training batch on the device where it is not the recipe's; the effective batch stays.

    Raises:
        BadRequest: When the effective batch cannot be made of such parts.
    """
    if asked is None or recipe["mode"] != "finetune" or asked == recipe.get("batch_size", 32):
        return None
    effective = int(str(recipe.get("batch_size", 32))) * int(str(recipe.get("accumulate", 1)))
    if asked > effective or effective % asked:
        raise BadRequest(
            f"--batch-size {asked} does not divide the recipe's batch",
            why=f"the protocol trains with {effective} images an optimiser step",
            fix=f"choose a divisor of {effective}; the rest is accumulated",
        )
    return asked


def _state(unfit: str | None, record: Record | None, overwrite: Overwrite) -> tuple[State, str]:
    if unfit is not None:
        return "not applicable", unfit
    if record is None or overwrite == "all":
        return "to run", ""
    if record.status == "ok":
        return "done", "has a record"
    if overwrite == "failed":
        return "to run", ""
    message = record.error.message if record.error else "unknown error"
    return "failed before", f"{message}; --overwrite failed runs it again"


def seeds_of(plan: Iterable[PlannedRun]) -> list[int]:
    """The seeds of a plan, sorted."""
    return sorted({run.spec.seed for run in plan})
