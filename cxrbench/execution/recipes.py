"""What a protocol asks of a model on a task, and what cards say of a run that was made so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cxrbench.cards import NATIVE, ModelCard, ProtocolCard, TaskCard, merge
from cxrbench.errors import CxrbenchError
from cxrbench.identity import encoder_identity
from cxrbench.image_spec import ImageSpec
from cxrbench.registry import Registry
from cxrbench.results.record import Record
from cxrbench.results.submission import Known
from cxrbench.runners.base import Runner, get_runner

Mode = tuple[str, dict[str, Any] | Literal["native"]]
"""A preprocessing that is asked for: its name, and what a recipe calls `preprocessing`."""


def recipe_of(
    runner: Runner,
    task: TaskCard,
    protocol: ProtocolCard,
    model: str,
    mode: Mode | None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The recipe of a run in canonical form.

    Args:
        runner: Of the task's type.
        task: Task card.
        protocol: Protocol card.
        model: Model id.
        mode: Preprocessing in place of the protocol's.
        changes: What is otherwise than the protocol says.

    Raises:
        PluginError: When the cards make none that the runner knows.
    """
    fields = merge(protocol.recipe(task, model), dict(changes or {}))
    return runner.recipe(_prepared(fields, mode))


def mode_of(name: str | None, registry: Registry) -> Mode | None:
    """The preprocessing mode of that name; None where none is asked for.

    Raises:
        UnknownNameError: When there is no such mode.
    """
    if name is None:
        return None
    if name == NATIVE:
        return NATIVE, "native"
    return name, registry.modes.get(name).card.preprocessing.model_dump(mode="json")


def configured(card: ModelCard, recipe: dict[str, Any]) -> ModelCard:
    """The card with the architecture settings that a protocol asks of this model."""
    settings = recipe.get("encoder_config", {})
    return card.model_copy(update={"config": merge(card.config, settings)}) if settings else card


def known(record: Record, registry: Registry) -> Known:
    """What the cards here say of the run of a record; what they do not know is None."""
    spec = record.spec
    task = protocol = recipe = model = encoder = None
    provider = ""
    try:
        task = registry.tasks.get(spec.task).card
        if spec.protocol in task.protocols:
            protocol = registry.protocols.get(spec.protocol).card
            name = spec.recipe.get("preprocessing_mode")
            mode = mode_of(name if isinstance(name, str) else None, registry)
            recipe = recipe_of(get_runner(task.type), task, protocol, spec.model, mode)
    except (CxrbenchError, KeyError):  # a card that is not here, or a type the protocol has not
        recipe = None
    try:
        entry = registry.model(spec.model)
        model, provider = entry.card, entry.provider.distribution
        encoder = encoder_identity(configured(model, recipe or {}), entry.provider)
    except CxrbenchError:
        encoder = None
    return Known(task, recipe, model, provider, encoder)


def _prepared(fields: dict[str, Any], mode: Mode | None) -> dict[str, Any]:
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
