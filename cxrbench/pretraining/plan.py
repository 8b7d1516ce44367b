"""Planning a pretraining run: all that can be refused is refused here, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cxrbench.cards import ModelCard
from cxrbench.discovery import Provider
from cxrbench.errors import BadRequest
from cxrbench.hashing import sha256_json
from cxrbench.pretraining.data import PretrainingData, open_data
from cxrbench.pretraining.gaze import heat_settings
from cxrbench.pretraining.inputs import optimizer_steps
from cxrbench.pretraining.objective import Pretrainer, Wants
from cxrbench.pretraining.recipe import PretrainingRecipe
from cxrbench.pretraining.start import (
    check_start,
    missing_files,
    outline,
    parameters,
    starting_card,
)
from cxrbench.pretraining.trunk import Identity
from cxrbench.registry import Registry
from cxrbench.weights.choice import Weights, resolve

_GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """A run that can start.

    Attributes:
        recipe: What is done.
        card: The model as it starts.
        provider: Who offers it.
        weights: What the network is filled with.
        data: The opened data.
        parameters: Numbers of parameters, `total` and `trainable`.
        image_bytes: Of one prepared image.
        limit: Images of each split at most.
        wants: What the objective learns from.
        heat: Name of all that decides how gaze is laid out; empty where none is used.
    """

    recipe: PretrainingRecipe
    card: ModelCard
    provider: Provider
    weights: Weights
    data: PretrainingData
    parameters: Mapping[str, int]
    image_bytes: int
    limit: int | None
    wants: Wants
    heat: str = ""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps."""
        return optimizer_steps(self.recipe, len(self.data.images.splits["train"]))

    @property
    def identity(self) -> Identity:
        """Of the network as it starts."""
        return Identity(self.card, self.provider, self.weights.digest, self.recipe.seed)

    @cached_property
    def digest(self) -> str:
        """Hash of all that decides the numbers: not of device, processes and paths."""
        identity = self.identity
        facts = {
            "recipe": self.recipe.model_dump(
                mode="json", exclude={"title", "notes", "log_every", "gradient_checkpointing"}
            ),
            "model": identity.encoder,
            "weights": identity.weights,
            "data": self.data.fingerprint,
            "heat": self.heat,
            "limit": self.limit,
        }
        return sha256_json(facts)

    def facts(self) -> dict[str, Any]:
        """Sizes and steps, for people and programs."""
        data, recipe = self.data, self.recipe
        splits = {
            name: {
                "list": data.lists[name],
                "images": len(split),
                "left_out": data.dropped[name],
                "patients": split.patients,
                "with_context": data.contexts(name),
                "gaze_recordings": data.recordings(name),
            }
            for name, split in data.images.splits.items()
        }
        images = sum(len(split) for split in data.images.splits.values())
        return {
            "recipe": recipe.id,
            "model": self.card.id,
            "parameters": dict(self.parameters),
            "starts_from": self._start,
            "data": {"name": data.card.name, "kind": data.images.kind, "splits": splits},
            "batch": {"images": recipe.batch_size, "accumulated": recipe.accumulate},
            "epochs": recipe.epochs,
            "steps": {
                "per_epoch": self.steps_per_epoch,
                "in_all": self.steps_per_epoch * recipe.epochs,
            },
            "precision": recipe.precision,
            "prepared_images_gib": round(images * self.image_bytes / _GIB, 3),
            "warnings": list(data.warnings),
        }

    @property
    def _start(self) -> list[str]:
        names = sorted(file.entry.name for file in self.weights.files)
        return names if self.weights.loads else ["random weights", *names]


def make_plan(
    recipe: PretrainingRecipe,
    registry: Registry,
    roots: Mapping[str, Path],
    *,
    demo: bool = False,
    limit: int | None = None,
    weights: str | None = None,
    fetch: bool = True,
) -> Plan:
    """Resolve a recipe.

    Args:
        recipe: What is asked for.
        registry: Knows models and data sets.
        roots: Data set name to folder, from the command line.
        demo: Train on phantoms.
        limit: Images of each split at most.
        weights: In place of the recipe's start: `random`, or a file or folder.
        fetch: Whether open weights are downloaded.

    Raises:
        CxrbenchError: Of the kind that fits, with exit code 2, when it cannot be met.
    """
    model = registry.model(recipe.model)
    card = starting_card(model.card, recipe, weights)
    dataset = registry.datasets.get(recipe.data.dataset).card
    labels = recipe.data.labels or dataset.labels
    unknown = [label for label in labels if label not in dataset.labels]
    if unknown:
        raise BadRequest(
            f"the recipe {recipe.id} is not valid",
            why=f"data.labels: {unknown[0]} is no label of {dataset.name}",
            fix=f"choose from {', '.join(dataset.labels)}",
        )
    found = outline(recipe, card, labels)
    data = open_data(recipe, found.wants, registry, roots, demo=demo, limit=limit)
    start = resolve(card, weights, fetch=fetch)
    check_start(found, card, start)
    data = replace(data, warnings=(*data.warnings, *missing_files(card, start)))
    heat = heat_settings(recipe.data.heat, found) if data.gaze else None
    return Plan(
        recipe, card, model.provider, start, data, parameters(found.network),
        _image_bytes(found), limit, found.wants, heat.name if heat else "",
    )  # fmt: skip


def _image_bytes(found: Pretrainer) -> int:
    height, width = found.image_spec.size
    return height * width
