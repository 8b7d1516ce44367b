"""The bench of the runner tests: a phantom and small encoders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "runners"))

from bench import Bench, phantom


@pytest.fixture(scope="session")
def bench_root(tmp_path_factory):
    return phantom(tmp_path_factory.mktemp("bench") / "nih")


@pytest.fixture
def bench(bench_root, tmp_path):
    return Bench(bench_root, tmp_path / "runs")
