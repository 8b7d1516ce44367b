"""What the record beside a file of weights tells of them: phantoms, and how they must be used.

A pretraining run leaves `record.json` beside its weights. Whoever names that file with `--weights`
uses it through the card of a model, which may be set up otherwise than the run was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cxrbench.cards import PHANTOM, ModelCard
from cxrbench.weights.choice import ResolvedFile, Weights

_RECORD = "record.json"


def saw_phantoms(weights: Weights) -> bool:
    """Whether the card says so, or the record of the pretraining run beside a given file.

    Such numbers say nothing about the clinic.
    """
    if weights.source == "card":
        return any(PHANTOM in file.entry.trained_on for file in _tensors(weights))
    return any(_kind(record) == PHANTOM for record in _records(weights))


def contradictions(card: ModelCard, weights: Weights) -> list[str]:
    """Where a given file was trained otherwise than the card uses it, a line each.

    Args:
        card: What the weights are used with.
        weights: Found for it. Without a record of their own beside them nothing is known.
    """
    return [line for record in _records(weights) for line in _compare(record, card, weights)]


def _compare(record: Mapping[str, Any], card: ModelCard, weights: Weights) -> Iterator[str]:
    recipe = _mapping(record.get("recipe"))
    own = dict(_leaves(card.config))
    for key, value in _leaves(_mapping(recipe.get("config"))):
        if own.get(key) != value:
            yield (
                f"the weights were trained with config {key}: {value}, "
                f"the card of {card.id} says {own.get(key, 'nothing of it')}"
            )
    wants = _mapping(record.get("wants"))
    if wants.get("context") is False and "context" in card.capabilities:
        yield (
            "the weights were trained without clinical context: what the card's capability "
            "`context` gives them was never trained"
        )
    trained = _mapping(_mapping(record.get("start")).get("sha256"))
    for file in weights.files:
        name = file.entry.name
        if not file.holds_tensors and trained.get(name) != file.sha256:
            how = f"another {name} than is" if name in trained else f"no {name}, and one is"
            yield f"the weights were trained with {how} used now"


def _records(weights: Weights) -> Iterator[Mapping[str, Any]]:
    """Those beside the given files, as far as they are of just these files."""
    if weights.source != "path":
        return
    for file in _tensors(weights):
        try:
            record = json.loads((file.path.parent / _RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            continue  # none, or another file of that name
        if _mapping(_mapping(record).get("weights")).get("sha256") == file.sha256:
            yield record


def _kind(record: Mapping[str, Any]) -> object:
    return _mapping(record.get("data")).get("kind")


def _tensors(weights: Weights) -> list[ResolvedFile]:
    return [file for file in weights.files if file.holds_tensors]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _leaves(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`a.b` and value of everything in nested mappings."""
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
