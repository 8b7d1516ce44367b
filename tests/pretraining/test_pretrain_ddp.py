"""Two processes that share each batch train as one process with the whole of it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import ddp_pretraining
import pytest
import toy_pretraining as toy
from safetensors.torch import load_file


def run(script, folder, *arguments):
    environment = {**os.environ, "CXRBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script, str(folder), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddp")
    run(ddp_pretraining.__file__, folder)
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("name", ddp_pretraining.CASES)
def test_the_losses_are_those_of_the_whole_batch(results, name):
    for part in results[name]["together"]:
        assert part == pytest.approx(results[name]["alone"], rel=1e-5, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", ddp_pretraining.CASES)
def test_the_gradients_are_those_of_the_whole_batch(results, name):
    assert results[name]["trained"] > 3
    for part in results[name]["errors"]:
        worst = max(part, key=part.get)
        assert part[worst] < 1e-3, worst


@pytest.mark.slow
def test_a_whole_training_on_two_processes_equals_one(tmp_path):
    found = {}
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        run(toy.__file__, folder, str(devices), "settings.dropout=0", "epochs=3")
        with (folder / "out" / "epochs.csv").open() as file:
            epochs = [{k: float(v) for k, v in line.items()} for line in csv.DictReader(file)]
        steps = (folder / "out" / "steps.csv").read_text().splitlines()
        record = json.loads((folder / "out" / "record.json").read_text())
        weights = load_file(folder / "out" / "weights.safetensors")
        found[devices] = epochs, len(steps), weights, record
    assert found[2][1] == found[1][1] == 1 + 3 * 2
    assert found[2][3]["devices"] == 2
    assert found[2][3]["digest"] == found[1][3]["digest"]
    for one, two in zip(found[1][0], found[2][0], strict=True):
        assert two == pytest.approx(one, rel=1e-4, abs=1e-6)
    for name, tensor in found[1][2].items():
        assert found[2][2][name].numpy() == pytest.approx(tensor.numpy(), rel=1e-3, abs=1e-5)
