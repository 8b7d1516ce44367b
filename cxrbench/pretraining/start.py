"""What a network starts from: files that are loaded completely, and tensors named as random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from cxrbench.cards import ModelCard, WeightsFile, merge
from cxrbench.errors import BadRequest, RunError
from cxrbench.pretraining.objective import TOTAL, Pretrainer, SavesMemory, Setup
from cxrbench.pretraining.recipe import Init, PretrainingRecipe
from cxrbench.registry import load_entry
from cxrbench.weights.choice import ResolvedFile, Weights, is_side_file
from cxrbench.weights.load import UsesFiles, fill, match
from cxrbench.weights.report import LoadReport

RANDOM = "random"
"""In place of files: everything is drawn by the seed."""


def starting_card(
    card: ModelCard, recipe: PretrainingRecipe, weights: str | None = None
) -> ModelCard:
    """The card of the model as it starts: the recipe's architecture, files and random tensors.

    Args:
        card: Of the model.
        recipe: What is done.
        weights: `random` to start without tensors of any file, whatever the recipe says. Its side
            files stay, so that texts are read in training as they will be read afterwards.

    Raises:
        BadRequest: When the recipe names a file that is not on the card.
    """
    known = {entry.name: entry for entry in card.weights}
    init = _without_tensors(recipe.init, known) if weights == RANDOM else recipe.init
    unknown = [name for name in init.weights if name not in known]
    if unknown:
        raise BadRequest(
            f"the recipe {recipe.id} starts from a file that {card.id} does not have",
            why=f"init.weights names {unknown[0]}, the card has {', '.join(known) or 'none'}",
            fix="correct init.weights, describe the file in init.files, or say --weights random",
        )
    return card.model_copy(
        update={
            "config": merge(card.config, recipe.config),
            "weights": [*(known[name] for name in init.weights), *init.files],
            "optional_tensors": [*card.optional_tensors, *init.random],
            "min_match": 1.0,
        }
    )


def _without_tensors(init: Init, known: Mapping[str, WeightsFile]) -> Init:
    """The side files alone, as far as there are such; their names are those of the recipe."""
    names = [name for name in init.weights if name in known and is_side_file(known[name])]
    return Init(weights=names, files=[entry for entry in init.files if is_side_file(entry)])


def missing_files(card: ModelCard, weights: Weights) -> list[str]:
    """Side files of a random start that are not on this machine, a line each."""
    if weights.source != RANDOM:
        return []
    there = {file.entry.name for file in weights.files}
    return [
        f"{entry.name} of {card.id} is not on this machine: the plugin trains with what it has in "
        f"its place (`cxrbench weights fetch {card.id}`)"
        for entry in card.weights
        if entry.name not in there
    ]


def outline(recipe: PretrainingRecipe, card: ModelCard, labels: Sequence[str]) -> Pretrainer:
    """The pretrainer with shapes and no values: what it wants, and how large it is.

    Raises:
        PluginError: When the recipe's pretrainer cannot be had.
        BadRequest: When its settings are not valid, or the network lacks what the recipe asks of
            it.
    """
    with torch.device("meta"):
        found = _make(recipe, card, labels, np.zeros((len(labels), 4), np.int64))
    if recipe.gradient_checkpointing and not isinstance(found, SavesMemory):
        raise _unable(recipe, "gradient_checkpointing", "enable_gradient_checkpointing")
    if recipe.trunk == "kept" and not hasattr(found.network, "encode_trunk"):
        raise _unable(recipe, "trunk: kept", "encode_trunk")
    return found


def check_start(found: Pretrainer, card: ModelCard, weights: Weights) -> None:
    """Check that the files fill the network, without filling it.

    Raises:
        WeightsError: When they do not.
    """
    if weights.loads:
        match(found.network.state_dict(), card, weights.files)


def start(
    recipe: PretrainingRecipe,
    card: ModelCard,
    labels: Sequence[str],
    counts: Any,
    weights: Weights,
) -> tuple[Pretrainer, LoadReport]:
    """The pretrainer with its values: loaded, or drawn by the seed of the recipe.

    Raises:
        WeightsError: When the files do not fill the network.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        found = _make(recipe, card, labels, counts)
    report = fill(found.network, card, weights)
    _use_side_files(found, weights.files)
    if recipe.gradient_checkpointing and isinstance(found, SavesMemory):
        found.enable_gradient_checkpointing()
    return found, report


def parameters(network: nn.Module) -> dict[str, int]:
    """Numbers of parameters, `total` and `trainable`."""
    every = list(network.parameters())
    return {
        TOTAL: sum(p.numel() for p in every),
        "trainable": sum(p.numel() for p in every if p.requires_grad),
    }


def _make(
    recipe: PretrainingRecipe, card: ModelCard, labels: Sequence[str], counts: Any
) -> Pretrainer:
    setup = Setup(card, recipe.settings, tuple(labels), counts)
    made: Pretrainer = load_entry(recipe.pretrainer)(setup)
    return made


def _use_side_files(found: Pretrainer, files: Sequence[ResolvedFile]) -> None:
    for file in files:
        if file.holds_tensors:
            continue
        if not isinstance(found, UsesFiles):
            raise RunError(
                f"the pretrainer has no use for {file.entry.name}",
                why=f"{type(found).__name__} has no method use_file",
                fix="remove it from init.weights",
            )
        found.use_file(file.entry.name, file.path)


def _unable(recipe: PretrainingRecipe, what: str, method: str) -> BadRequest:
    return BadRequest(
        f"the recipe {recipe.id} asks for {what}, which the plugin does not offer",
        why=f"it has no method {method}",
        fix="leave it out of the recipe",
    )
