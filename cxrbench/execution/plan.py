"""Planning: every run a request stands for, what it will do, and what cannot be done and why.

All that can be known before work starts is found here: names, weights and their hashes, data and
its splits. Nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cxrbench.cards import ModelCard, ProtocolCard, TaskCard
from cxrbench.data.assemble import BY_ID
from cxrbench.data.open import open_task
from cxrbench.data.samples import LabelledImages
from cxrbench.discovery import Provider
from cxrbench.errors import BadRequest, MissingDataError, MissingWeightsError
from cxrbench.execution.missing import MissingRun, refusal
from cxrbench.execution.recipes import Mode, configured, mode_of, recipe_of
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
_Place = tuple[str, str, bool, int | None, tuple[tuple[str, Path], ...]]
_Opened = dict[_Place, LabelledImages | MissingDataError]
_MISSING = (MissingDataError, MissingWeightsError)
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


@dataclass(frozen=True)
class Survey:
    """What a plan holds.

    Attributes:
        runs: The runs that are known, each once.
        missing: Those that are not, since their data or weights are not here.
    """

    runs: list[PlannedRun]
    missing: list[MissingRun]


def make_plan(request: Request, registry: Registry, store: Store) -> list[PlannedRun]:
    """Resolve a request.

    Raises:
        CxrbenchError: Of the kind that fits, with exit code 2, when the request cannot be met.
    """
    return plan_all([request], registry, store)


def plan_all(requests: Iterable[Request], registry: Registry, store: Store) -> list[PlannedRun]:
    """The plans of several requests one after the other, each run once.

    Raises:
        CxrbenchError: As `make_plan`; one for all data and weights that are missing.
    """
    found = survey(requests, registry, store)
    if found.missing:
        raise refusal(found.missing)
    return found.runs


def survey(requests: Iterable[Request], registry: Registry, store: Store) -> Survey:
    """As `plan_all`, but runs whose data or weights are not on this machine are told apart.

    Nothing is fetched unless all that cannot be fetched is here.

    Raises:
        CxrbenchError: When a request cannot be met for another reason.
    """
    asked = list(requests)
    pairs = [(request, _pairs(request, registry)) for request in asked]
    if not any(found for _, found in pairs):
        raise _no_pair(asked[0], registry)
    # Data before weights: a folder is looked at in a second, a checkpoint may be a download.
    opened: _Opened = {}
    for request, found in pairs:
        _open(request, found, opened)
    first = _surveyed(pairs, registry, store, opened, fetch=False)
    left = [each.unfetchable for each in first.missing if each.unfetchable.errors]
    if not first.missing or not all(request.fetch for request in asked):
        return first
    return Survey(first.runs, left) if left else _surveyed(pairs, registry, store, opened, True)


def _surveyed(
    pairs: Sequence[tuple[Request, _Pairs]],
    registry: Registry,
    store: Store,
    opened: _Opened,
    fetch: bool,
) -> Survey:
    runs: dict[str, PlannedRun] = {}
    missing: dict[tuple[str, str, str, int], MissingRun] = {}
    for request, wanted in pairs:
        if not wanted:
            continue
        mode, models = mode_of(request.preprocessing, registry), _models(request, registry)
        find = _WeightsFinder(request, fetch)
        for task, protocol in wanted:
            data = opened[_place(request, task, protocol)]
            for model in models:
                for seed in request.seeds:
                    found = _planned(request, store, mode, model, find, task, protocol, seed, data)
                    if isinstance(found, MissingRun):
                        missing[found.model, found.task, found.protocol, found.seed] = found
                    else:
                        runs[found.spec.run_id] = found
    return Survey(list(runs.values()), list(missing.values()))


def left_out(request: Request, registry: Registry) -> list[str]:
    """Tasks and protocols of the request that do not go together; a line for each such pair."""
    return [
        f"{task.id} is left out under {protocol.id}: its card allows {', '.join(task.protocols)}"
        for task, protocol in _asked(request, registry)
        if not _allowed(task, protocol)
    ]


def _open(request: Request, pairs: _Pairs, opened: _Opened) -> None:
    """Open the data of every task, for every way in which its protocols look images up."""
    for task, protocol in pairs:
        place = _place(request, task, protocol)
        if place in opened:
            continue
        lookup = _lookup(task, protocol)
        try:
            found = open_task(task, request.roots, demo=request.demo, lookup=lookup)
        except MissingDataError as error:
            opened[place] = error
        else:
            opened[place] = found.limited(request.limit)


def _place(request: Request, task: TaskCard, protocol: ProtocolCard) -> _Place:
    """What decides which data is opened."""
    roots = tuple(sorted(request.roots.items()))
    return task.id, _lookup(task, protocol), request.demo, request.limit, roots


def _lookup(task: TaskCard, protocol: ProtocolCard) -> str:
    """How lists find their images, as the protocol says for any model."""
    return str(protocol.recipe(task, "").get("lookup", BY_ID))


def _planned(
    request: Request,
    store: Store,
    mode: Mode | None,
    model: Registered[ModelCard],
    find: _WeightsFinder,
    task: TaskCard,
    protocol: ProtocolCard,
    seed: int,
    data: LabelledImages | MissingDataError,
) -> PlannedRun | MissingRun:
    runner = get_runner(task.type)
    recipe = recipe_of(runner, task, protocol, model.card.id, mode, request.changes)
    card = configured(model.card, recipe)
    unfit = runner.not_applicable(card, recipe) or _input_unfit(card, recipe)
    # What cannot be run needs no weights, and what reads no text needs no tokenizer.
    weights: Weights | MissingWeightsError = Weights("none")
    if unfit is None:
        weights = find(card, runner.needs_side_files(card, recipe))
    if isinstance(data, MissingDataError) or isinstance(weights, MissingWeightsError):
        lacking = (each for each in (data, weights) if isinstance(each, _MISSING))
        named = mode[0] if mode else None
        return MissingRun(card.id, task.id, protocol.id, named, seed, tuple(lacking))
    spec = RunSpec(
        model=card.id,
        encoder=encoder_identity(card, model.provider),
        weights=weights.digest,
        task=task.id,
        task_version=task.version,
        data=data.fingerprint,
        protocol=f"{protocol.id}+{request.changed_as}" if request.changes else protocol.id,
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
        work=runner.work(card, recipe, data),
        record=record,
        start_over=request.overwrite == "all",
    )


def _input_unfit(card: ModelCard, recipe: dict[str, Any]) -> str | None:
    """Why a model that takes its own size or pixels alone cannot take the recipe's, or None."""
    own, asked = card.preprocessing, recipe.get("preprocessing")
    if own is None or not isinstance(asked, dict):
        return None
    given = ImageSpec.model_validate(asked)
    whose = f"preprocessing {recipe.get('preprocessing_mode') or 'of the protocol'}"
    fixed = card.fixed_size and not (card.pyramid_any_size and _reads_pyramid_alone(recipe))
    if fixed and given.size != own.size:
        (height, width), (tall, wide) = own.size, given.size
        return f"its input is fixed at {height}×{width} pixels, the {whose} gives {tall}×{wide}"
    if card.fixed_pixels and (given.mean, given.std) != (own.mean, own.std):
        return f"its network takes its own mean and deviation alone, the {whose} has others"
    return None


def _reads_pyramid_alone(recipe: dict[str, Any]) -> bool:
    """Whether nothing is read of the encoder but its maps at several scales, as by UPerNet."""
    return bool(recipe.get("decoder", {}).get("name") == "upernet")


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

    def __init__(self, request: Request, fetch: bool) -> None:
        self._request = request
        self._fetch = fetch
        self._found: dict[tuple[str, bool], Weights | MissingWeightsError] = {}

    def __call__(self, card: ModelCard, side_files: bool) -> Weights | MissingWeightsError:
        """The weights, or the error that says they are not here."""
        key = card.id, side_files
        if key not in self._found:
            asked = self._request.weights
            choice = asked.get(card.id, asked.get("*"))
            try:
                self._found[key] = resolve(card, choice, fetch=self._fetch, side_files=side_files)
            except MissingWeightsError as error:
                self._found[key] = error
        return self._found[key]


def _pairs(request: Request, registry: Registry) -> _Pairs:
    """The tasks, each under each protocol asked for that its card allows."""
    return [pair for pair in _asked(request, registry) if _allowed(*pair)]


def _no_pair(request: Request, registry: Registry) -> BadRequest:
    """The error of requests of which no pair is left."""
    task, protocol = _asked(request, registry)[0]
    return BadRequest(
        f"{task.id} cannot be run under {protocol.id}",
        why=f"its card allows {', '.join(task.protocols)}",
        fix="choose one of these with --protocol",
    )


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
