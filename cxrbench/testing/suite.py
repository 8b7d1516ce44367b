"""The suite: all checks in order, on one encoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from cxrbench.cards import ModelCard
from cxrbench.discovery import Provider
from cxrbench.progress import track
from cxrbench.registry import Registry
from cxrbench.testing import (
    card,
    features,
    independence,
    interface,
    language,
    loading,
    precision,
    scoring,
    side_input,
    training,
)
from cxrbench.testing.check import Check
from cxrbench.testing.report import Report, Result
from cxrbench.testing.subject import Subject
from cxrbench.weights.choice import Weights, resolve
from cxrbench.weights.locate import locate

CHECKS: tuple[Check, ...] = (
    card.facts,
    card.weights,
    interface.builds,
    interface.meta_device,
    interface.image_spec,
    interface.capabilities,
    features.shapes,
    features.finite_float32,
    training.frozen_trunk,
    features.images_matter,
    features.grid_lies_right,
    independence.deterministic,
    independence.batch_invariant,
    independence.order,
    independence.no_side_effects,
    side_input.context,
    side_input.view,
    training.gradients,
    training.parameter_groups,
    language.text,
    language.joint_space,
    scoring.pairwise,
    scoring.closed_vocabulary,
    precision.autocast,
    loading.seeded,
    loading.checkpoint,
    loading.missing_tensor,
)
"""Every check, in the order they are run and shown."""


def check_encoder(model: ModelCard, weights: str | None = None, device: str = "cpu") -> Report:
    """Run every check on an encoder.

    Args:
        model: Its card.
        weights: `random`, a file or a folder. None: the card's weights where all of them are on
            this machine already, else random ones; nothing is downloaded.
        device: A torch device.

    Returns:
        A result for every check; a broken encoder fails checks and raises nothing.

    Raises:
        WeightsError: When the weights asked for do not exist or are not the declared ones.
    """
    start = time.perf_counter()
    subject = Subject(model, _weights(model, weights), device)
    results: list[Result] = []
    failed: set[str] = set()
    for check in track(CHECKS, f"checking {model.id}"):
        result = check.run(subject, failed)
        results.append(result)
        if result.status == "failed" or failed.intersection(check.needs):
            failed.add(check.id)
    module = None if "builds" in failed else subject.module
    parameters = None if module is None else list(module.parameters())
    return Report(
        model=model.id,
        weights=subject.weights.source,
        device=device,
        results=tuple(results),
        parameters=None if parameters is None else sum(p.numel() for p in parameters),
        trainable=None
        if parameters is None
        else sum(p.numel() for p in parameters if p.requires_grad),
        shapes={} if "shapes" in failed else subject.shapes,
        ms_per_image=None if "shapes" in failed else subject.ms_per_image,
        seconds=time.perf_counter() - start,
    )


def assert_conforms(
    model: str,
    plugin_folders: Sequence[Path | str] = (),
    *,
    weights: str | None = None,
    device: str = "cpu",
) -> Report:
    """Check an encoder by name, for a plugin's own tests.

    Args:
        model: Name of a model of an installed plugin, or of one in `plugin_folders`.
        plugin_folders: Folders of plugins that are not installed.
        weights: As in `check_encoder`.
        device: A torch device.

    Raises:
        AssertionError: Listing the checks that failed, each with why and what to do.
    """
    report = check_encoder(_card(model, [Path(f) for f in plugin_folders]), weights, device)
    if not report.ok:
        failures = "\n\n".join(f"{result.check}: {result.text}" for result in report.failures)
        raise AssertionError(f"{report.summary}\n\n{failures}")
    return report


def _card(model: str, folders: list[Path]) -> ModelCard:
    """The card in the folders, also when another copy of the plugin is installed."""
    registry = Registry.discover(folders)
    own = {Provider(f"path:{folder.resolve().name}", "") for folder in folders}
    found = [e.card for e in registry.models.offers.get(model, []) if e.provider in own]
    return found[0] if found else registry.model(model).card


def _weights(model: ModelCard, request: str | None) -> Weights:
    if request is None and any(locate(file) is None for file in model.weights):
        request = "random"
    return resolve(model, request)
