"""The bench on a phantom of its own for each test, the phantom shared."""

from __future__ import annotations

import pytest
import torch
from bench import Bench, phantom

from cxrbench.training.features import Extractor


@pytest.fixture(scope="session")
def bench_root(tmp_path_factory):
    return phantom(tmp_path_factory.mktemp("bench") / "nih")


@pytest.fixture
def bench(bench_root, tmp_path):
    return Bench(bench_root, tmp_path / "runs")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def computed(monkeypatch):
    """Ids of the images whose features are computed to be kept."""
    found = []
    original = Extractor._batch

    def batch(self, split, positions, compute):
        found.extend(split.samples[position].id for position in positions)
        return original(self, split, positions, compute)

    monkeypatch.setattr(Extractor, "_batch", batch)
    return found
