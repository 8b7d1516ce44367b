"""The benchmark of a training step runs, and its variants are the same step done otherwise."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
EXACT = (
    "attention", "mlm", "gaze-loop", "context-each", "context-everyone", "transcripts",
    "padding", "checkpointing", "trunk-graph",
)  # fmt: skip


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def gradients(step):
    torch.autograd.backward(step.loss())
    found = {
        name: parameter.grad.clone()
        for name, parameter in step.network.named_parameters()
        if parameter.grad is not None and not name.startswith("image_encoder.")
    }
    step.network.zero_grad()
    return found


@pytest.mark.slow
def test_the_tiny_size_runs_to_the_end(tmp_path):
    out = tmp_path / "found.json"
    # A process of its own, as the command is given; counting operations loads half of torch.
    printed = subprocess.run(
        [sys.executable, BENCHMARKS / "cogaze_step.py", "--tiny", "--device=cpu", "--batch=3",
         "--rounds=1", f"--json={out}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "random weights and data" in printed
    rows = {(row["inputs"], row["name"]): row for row in json.loads(out.read_text())["rows"]}
    assert {name for _, name in rows} >= {"ours", "all-off", "trunk-graph", "adamw-fused", *EXACT}
    for row in rows.values():
        assert len(row["seconds"]) == 1 and row["seconds"][0] > 0
        assert not row["problem"]
    flop = {key: row["flop"] for key, row in rows.items()}
    ours = flop["features", "ours"]
    assert flop["pixels", "trunk-graph"] > flop["pixels", "ours"] > ours > 0
    for name in ("mlm", "context-everyone", "transcripts", "padding", "checkpointing", "all-off"):
        assert flop["features", name] > ours
    for name in ("float32", "gaze-loop", "adamw-loop", "adamw-fused"):
        assert flop["features", name] == ours


@pytest.fixture
def steps(module):
    return module("cogaze_case").make_steps(tiny=True, batch=9, precision="32", device="cpu")


@pytest.mark.parametrize("name", EXACT)
def test_a_variant_has_the_same_loss_and_gradients(module, steps, name):
    variant = module("cogaze_variants").VARIANTS[name]
    ours = steps[variant.inputs[-1]]
    expected_loss, expected = ours.loss().detach(), gradients(ours)
    with variant.switch(ours) as step:
        torch.testing.assert_close(step.loss().detach(), expected_loss, rtol=1e-5, atol=1e-6)
        found = gradients(step)
    assert found.keys() == expected.keys()
    for parameter, gradient in expected.items():
        torch.testing.assert_close(
            found[parameter], gradient, rtol=1e-3, atol=1e-5, msg=lambda m, p=parameter: f"{p}: {m}"
        )
    torch.testing.assert_close(ours.loss().detach(), expected_loss, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["adamw-loop", "adamw-foreach", "adamw-fused"])
def test_adamw_takes_the_same_steps(module, name):
    losses = []
    for chosen in ("ours", name):
        step = module("cogaze_case").make_steps(tiny=True, batch=3, precision="32", device="cpu")[
            "features"
        ]
        step.run()
        with module("cogaze_variants").VARIANTS[chosen].switch(step) as other:
            other.run()
        step.run()
        losses.append(step.loss().detach())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
