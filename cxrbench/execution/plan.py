"""Planning: every run a request stands for, what it will do, and what cannot be done and why.

All that can be known before work starts is found here: names, weights and their hashes, data and
its splits. Nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cxrbench.cards import NATIVE, ModelCard, ProtocolCard, TaskCard, merge
from cxrbench.data.assemble import BY_ID
from cxrbench.data.open import open_task
from cxrbench.data.samples import LabelledImages
from cxrbench.discovery import Provider
from cxrbench.errors import BadRequest
from cxrbench.execution.request import Overwrite, Request
from cxrbench.identity import encoder_identity
from cxrbench.image_spec import ImageSpec
from cxrbench.registry import Registered, Registry
from cxrbench.results.record import Record
from cxrbench.results.spec import RunSpec
from cxrbench.results.store import Store
from cxrbench.runners.base import Runner, Workload, get_runner
from cxrbench.weights.choice import Weights, resolve

_Pairs = list[tuple[TaskCard, ProtocolCard]]
_Mode = tuple[str, dict[str, Any] | Literal["native"]]
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
        reason: Why it will not; empty where it will.
        work: What it does at most.
        record: The record it has already.
        start_over: Whether working files of earlier attempts are forgotten.
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
    work: Workload
    record: Record | None = None
    start_over: bool = False


def make_plan(request: Request, registry: Registry, store: Store) -> list[PlannedRun]:
    """Resolve a request.

    Raises:
        CxrbenchError: Of the kind that fits, with exit code 2, when the request cannot be met.
    """
    pairs = _pairs(request, registry)
    # Data before weights: a folder is looked at in a second, a checkpoint may be a download.
    opened = _opened(request, pairs)
    mode = _mode(request, registry)
    models = _models(request, registry)
    find = _WeightsFinder(request)
    return [
        _planned(
            request,
            store,
            mode,
            model,
            find,
            task,
            protocol,
            seed,
            opened[task.id, _lookup(task, protocol)],
        )
        for task, protocol in pairs
        for model in models
        for seed in request.seeds
    ]


def plan_all(requests: Iterable[Request], registry: Registry, store: Store) -> list[PlannedRun]:
    """The plans of several requests one after the other, each run once.

    Raises:
        CxrbenchError: As `make_plan`.
    """
    found = [run for request in requests for run in make_plan(request, registry, store)]
    return list({run.spec.run_id: run for run in found}.values())


def left_out(request: Request, registry: Registry) -> list[str]:
    """Tasks and protocols of the request that do not go together; a line for each such pair."""
    return [
        f"{task.id} is left out under {protocol.id}: its card allows {', '.join(task.protocols)}"
        for task, protocol in _asked(request, registry)
        if not _allowed(task, protocol)
    ]


def _opened(request: Request, pairs: _Pairs) -> dict[tuple[str, str], LabelledImages]:
    """The data of every task, for every way in which its protocols look images up."""
    wanted = {(task.id, _lookup(task, protocol)): task for task, protocol in pairs}
    return {
        (name, lookup): open_task(task, request.roots, demo=request.demo, lookup=lookup).limited(
            request.limit
        )
        for (name, lookup), task in wanted.items()
    }


def _lookup(task: TaskCard, protocol: ProtocolCard) -> str:
    """How lists find their images, as the protocol says for any model."""
    return str(protocol.recipe(task, "").get("lookup", BY_ID))


def _planned(
    request: Request,
    store: Store,
    mode: _Mode | None,
    model: Registered[ModelCard],
    find: _WeightsFinder,
    task: TaskCard,
    protocol: ProtocolCard,
    seed: int,
    data: LabelledImages,
) -> PlannedRun:
    runner = get_runner(task.type)
    recipe = runner.recipe(_prepared(protocol.recipe(task, model.card.id), mode))
    card = _configured(model.card, recipe)
    unfit = runner.not_applicable(card, recipe) or _input_unfit(card, recipe)
    # What cannot be run needs no weights, and what reads no text needs no tokenizer.
    weights = Weights("none") if unfit else find(card, runner.needs_side_files(card, recipe))
    spec = RunSpec(
        model=card.id,
        encoder=encoder_identity(card, model.provider),
        weights=weights.digest,
        task=task.id,
        task_version=task.version,
        data=data.fingerprint,
        protocol=protocol.id,
        recipe=recipe,
        seed=seed,
        precision=request.precision,
        micro_batch=runner.micro_batch(recipe, request.batch_size),
        limit=request.limit,
    )
    record = store.get(spec.run_id) if unfit is None else None
    state, reason = _state(unfit, record, request.overwrite)
    return PlannedRun(
        spec=spec,
        model=card,
        provider=model.provider,
        task=task,
        runner=runner,
        weights=weights,
        data=data,
        state=state,
        reason=reason,
        work=runner.work(recipe, data),
        record=record,
        start_over=request.overwrite == "all",
    )


def _configured(card: ModelCard, recipe: dict[str, Any]) -> ModelCard:
    """The card with the architecture settings that a protocol asks of this model."""
    settings = recipe.get("encoder_config", {})
    return card.model_copy(update={"config": merge(card.config, settings)}) if settings else card


def _mode(request: Request, registry: Registry) -> _Mode | None:
    """The preprocessing asked for: its name, and what a recipe calls `preprocessing`."""
    name = request.preprocessing
    if name is None:
        return None
    if name == NATIVE:
        return NATIVE, "native"
    return name, registry.modes.get(name).card.preprocessing.model_dump(mode="json")


def _prepared(fields: dict[str, Any], mode: _Mode | None) -> dict[str, Any]:
    """The recipe with a preprocessing mode; unchanged where it says the same already."""
    if mode is None:
        return fields
    name, asked = mode
    own = fields.get("preprocessing")
    if isinstance(own, dict):
        own = ImageSpec.model_validate(own).model_dump(mode="json")
    return fields if own == asked else {
        **fields, "preprocessing": asked, "preprocessing_mode": name
    }  # fmt: skip


def _input_unfit(card: ModelCard, recipe: dict[str, Any]) -> str | None:
    """Why a model that takes its own size or pixels alone cannot take the recipe's, or None."""
    own, asked = card.preprocessing, recipe.get("preprocessing")
    if own is None or not isinstance(asked, dict):
        return None
    given = ImageSpec.model_validate(asked)
    whose = f"preprocessing {recipe.get('preprocessing_mode') or 'of the protocol'}"
    if card.fixed_size and given.size != own.size:
        (height, width), (tall, wide) = own.size, given.size
        return f"its input is fixed at {height}×{width} pixels, the {whose} gives {tall}×{wide}"
    if card.fixed_pixels and (given.mean, given.std) != (own.mean, own.std):
        return f"its network takes its own mean and deviation alone, the {whose} has others"
    return None


def _models(request: Request, registry: Registry) -> list[Registered[ModelCard]]:
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
    return [registry.model(name) for name in names]


class _WeightsFinder:
    """Finds the weights of a model once for the whole request, with side files and without."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._found: dict[tuple[str, bool], Weights] = {}

    def __call__(self, card: ModelCard, side_files: bool) -> Weights:
        key = card.id, side_files
        if key not in self._found:
            asked, fetch = self._request.weights, self._request.fetch
            choice = asked.get(card.id, asked.get("*"))
            self._found[key] = resolve(card, choice, fetch=fetch, side_files=side_files)
        return self._found[key]


def _pairs(request: Request, registry: Registry) -> _Pairs:
    """The tasks, each under each protocol asked for that its card allows.

    Raises:
        BadRequest: When there is no such pair.
    """
    asked = _asked(request, registry)
    pairs = [pair for pair in asked if _allowed(*pair)]
    if not pairs:
        task, protocol = asked[0]
        raise BadRequest(
            f"{task.id} cannot be run under {protocol.id}",
            why=f"its card allows {', '.join(task.protocols)}",
            fix="choose one of these with --protocol",
        )
    return pairs


def _asked(request: Request, registry: Registry) -> _Pairs:
    tasks = [registry.tasks.get(n).card for n in registry.tasks.match(request.tasks)]
    return [
        (task, registry.protocols.get(name).card)
        for task in tasks
        for name in registry.protocols.match(request.protocols or (task.default_protocol,))
    ]


def _allowed(task: TaskCard, protocol: ProtocolCard) -> bool:
    return protocol.id in task.protocols and task.type in protocol.recipes


def _state(unfit: str | None, record: Record | None, overwrite: Overwrite) -> tuple[State, str]:
    if unfit is not None:
        return "not applicable", unfit
    if record is None or overwrite == "all":
        return "to run", ""
    if record.status == "ok":
        return "done", "has a record"
    if overwrite == "failed":
        return "to run", ""
    told = record.error
    message = f"{told.message} ({told.why})" if told else "unknown error"
    return "failed before", f"{message}; --overwrite failed runs it again"
