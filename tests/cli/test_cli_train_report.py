"""`cxrbench train-report`: recipes, what is left, starting again from it, two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from cxrbench.errors import BadRequest
from cxrbench.execution.report_training import find_report_recipe, read_report_recipe

PLUGIN = Path(__file__).parents[1] / "runners" / "report_plugin"


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    from cxrbench_tasks.phantoms.iu_xray import write

    folder = tmp_path_factory.mktemp("data") / "iu-xray"
    write(folder, patients=48, size=48, seed=0)
    return folder


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.yaml"
    fields = {
        "id": "small", "title": "Small", "model": "mapped", "task": "findings",
        "protocol": "strict@1",
        "changes": {"epochs": 2, "drop_last": True, "generator": {"decoder": {"dropout": 0.0}}},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(fields))
    return path


def command(recipe, root, folder, *more):
    return [
        "--plugin", str(PLUGIN), "train-report", str(recipe), "--data-root", f"iu-xray={root}",
        "--out", str(folder / "out"), "--runs", str(folder / "runs"), "--device", "cpu", *more,
    ]  # fmt: skip


def test_weights_tokens_and_record_are_left_and_can_be_started_from(recipe, root, tmp_path, answer):
    record = answer(*command(recipe, root, tmp_path))
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "record.json", "tokenizer.json", "weights.safetensors",
    ]  # fmt: skip
    assert record["spec"]["protocol"] == "strict@1+small"
    assert json.loads((out / "record.json").read_text()) == record
    names = {name.partition(".")[0] for name in load_file(out / "weights.safetensors")}
    assert names == {"encoder", "generator"}
    # Done is done.
    (tmp_path / "out" / "weights.safetensors").unlink()
    assert answer(*command(recipe, root, tmp_path)) == record
    assert (tmp_path / "out" / "weights.safetensors").exists()
    # With a rate of nothing the weights stay those it started from.
    more = ["--init", str(out), "--set", "optimizer.lr=1e-12", "--out", str(tmp_path / "next")]
    begun = answer(*command(recipe, root, tmp_path, *more))
    assert begun["run_id"] != record["run_id"]
    first, second = (load_file(f / "weights.safetensors") for f in (out, tmp_path / "next"))
    for name, tensor in first.items():
        if "norm" not in name:  # batch norm goes on counting
            assert second[name].allclose(tensor, atol=1e-6), name


def test_a_folder_without_weights_cannot_be_started_from(recipe, root, tmp_path, refused):
    told = refused(*command(recipe, root, tmp_path, "--init", str(tmp_path)))
    assert "nothing to start from" in told


def test_installed_recipes_are_valid_and_found_by_name():
    for name in ("cogaze-distilgpt2", "cogaze-distilgpt2-structured", "cogaze-tiny-phantom"):
        assert read_report_recipe(find_report_recipe(name)).id == name


@pytest.mark.parametrize(
    ("content", "why"),
    [({"id": "x"}, "title"), ({"id": "x", "tasks": 1}, "title")],
)
def test_a_recipe_that_is_not_valid_says_where(tmp_path, content, why):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BadRequest, match="cannot read the recipe") as error:
        read_report_recipe(path)
    assert why in error.value.why


def test_overrides_go_into_the_changes(recipe):
    found = read_report_recipe(recipe, ["epochs=7", "generator.decoder.layers=2"])
    assert found.changes["epochs"] == 7
    assert found.changes["generator"] == {"decoder": {"dropout": 0.0, "layers": 2}}
    with pytest.raises(BadRequest, match="--set epochs"):
        read_report_recipe(recipe, ["epochs"])


@pytest.mark.parametrize(
    "asked", [["--devices", "3"], ["--devices", "2", "--set", "drop_last=false"]]
)
def test_devices_that_would_wait_for_ever_are_refused(recipe, root, tmp_path, refused, asked):
    assert "cannot train on" in refused(*command(recipe, root, tmp_path, *asked))


@pytest.fixture
def frozen_recipe(recipe):
    """As `recipe`, on a frozen encoder, since batch norm sees a part of the batch in each process.

    No report is cut, so that processes have different numbers of tokens.
    """
    fields = yaml.safe_load(recipe.read_text())
    fields["changes"] |= {
        "max_tokens": 200, "generator": {"decoder": {"dropout": 0.0, "positions": 200}},
    }  # fmt: skip
    recipe.write_text(yaml.safe_dump({**fields, "protocol": "frozen@1"}))
    return recipe


@pytest.mark.slow
def test_two_processes_have_the_losses_and_weights_of_one(frozen_recipe, root, tmp_path):
    found = {}
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        environment = {
            **os.environ, "CXRBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        how = ["--devices", str(devices), "--workers", "0"]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("cxrbench")),
             *command(frozen_recipe, root, folder, *how), "--json"],
            capture_output=True, text=True, env=environment, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout)
        assert record["spec"]["protocol"] == "frozen@1+small"
        run_folder = folder / "runs" / record["run_id"]
        history = json.loads((run_folder / "fit" / "history.json").read_text())
        losses = [line["train_loss"] for line in history]
        found[devices] = record["run_id"], losses, load_file(folder / "out" / "weights.safetensors")
    (run_id, losses, weights), (other_id, other_losses, other_weights) = found[1], found[2]
    assert other_id == run_id
    assert len(losses) == 2 and losses[1] < losses[0]
    assert other_losses == pytest.approx(losses, rel=1e-5)
    assert set(other_weights) == set(weights)
    for name, tensor in weights.items():
        assert other_weights[name].allclose(tensor, rtol=0, atol=1e-5), name
