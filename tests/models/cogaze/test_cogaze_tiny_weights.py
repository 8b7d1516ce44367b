"""The weights that come with the package: what they are, and that they have learnt something."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from cxrbench.hashing import sha256_file
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve
from cxrbench.weights.origin import contradictions, saw_phantoms

ROOT = Path(__file__).resolve().parents[3]
LARGEST = 10 * 2**20


@pytest.fixture(scope="module")
def card():
    return Registry.discover([]).model("cogaze-tiny").card


def test_they_are_small_found_without_a_network_and_marked_as_of_phantoms(card):
    weights = resolve(card, None, fetch=False)
    assert [file.sha256 for file in weights.files] == [entry.sha256 for entry in card.weights]
    assert weights.files[0].path.stat().st_size <= LARGEST
    assert saw_phantoms(weights)


def test_the_record_of_the_run_that_made_them_lies_beside_them(card):
    path = resolve(card, None, fetch=False).files[0].path
    record = json.loads((path.parent / "record.json").read_text())
    assert record["weights"]["sha256"] == sha256_file(path)
    assert record["recipe"]["id"] == "cogaze-tiny-phantom"
    assert record["data"]["kind"] == "phantom"
    assert contradictions(card, resolve(card, str(path.parent))) == []


@pytest.mark.slow
def test_on_phantoms_never_seen_they_know_what_random_weights_do_not(tmp_path, monkeypatch):
    """Measured on 400 patients of seed 1; the bounds leave room for a smaller world."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    benchmark = importlib.import_module("cogaze_tiny")
    sources = benchmark.open_sources(tmp_path, patients=250, seed=5)
    trained = benchmark.numbers("cogaze-tiny", "card", sources)
    random = [benchmark.numbers("cogaze-tiny", "random", sources, seed) for seed in range(3)]
    mean = {name: np.mean([numbers[name] for numbers in random]) for name in trained}
    assert trained["zero-shot, mean vs no findings"] >= 0.85
    assert trained["retrieval P@1"] >= 0.6
    assert trained["gaze-auc-judd, sentences"] >= 0.7
    for name in ("zero-shot, mean vs no findings", "zero-shot, mean vs all others"):
        assert abs(mean[name] - 0.5) <= 0.2
        assert trained[name] >= mean[name] + 0.2
    assert mean["retrieval P@1"] <= 0.3
