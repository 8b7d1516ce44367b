"""A small phantom with gaze, and subjects made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.building import build
from cxrbench.explain.source import open_source
from cxrbench.explain.subject import Subject
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve


@pytest.fixture(scope="session")
def egd_root(tmp_path_factory) -> Path:
    from cxrbench_tasks.phantoms.egd import write

    root = tmp_path_factory.mktemp("egd") / "egd"
    write(root, patients=24, seed=3, size=64)
    return root


@pytest.fixture(scope="session")
def registry():
    return Registry.discover()


@pytest.fixture(scope="session")
def egd(registry, egd_root):
    return open_source(registry.datasets.get("egd").card, "test", {"egd": egd_root}, demo=False)


@pytest.fixture
def subject(registry, egd):
    """Of a model by name, with random weights."""

    def make(name="cogaze-tiny", source=egd, **more):
        found = registry.model(name)
        weights = resolve(found.card, "random")
        encoder, load = build(found.card, weights, 0)
        fields = {"images": 2, "seed": 0, "device": "cpu", **more}
        return Subject(found.card, name, encoder, weights, load, source, **fields)

    return make
