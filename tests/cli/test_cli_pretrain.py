"""`cxrbench pretrain`: the recipes of the repository, on phantoms with the small model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "configs" / "pretrain"
SMALL = ("--demo", "--weights", "random", "--set", "model=cogaze-tiny", "--device", "cpu")


def test_the_plan_says_sizes_and_steps(cli):
    done = cli("pretrain", RECIPES / "cogaze.yaml", *SMALL, "--plan", "--set", "batch_size=16")
    assert done.code == 0, done.err
    assert "cogaze-tiny on mimic-cxr (phantom)" in done.out
    assert "10 epochs of 5 steps (50 in all), 1 × 16 images each" in done.out
    assert "have no findings and are left out" in done.err
    assert "starts from: random weights, tokenizer" in done.out
    facts = json.loads(cli("pretrain", "gaze-1pct", *SMALL, "--plan", "--json").out)
    assert facts["data"]["splits"]["train"]["gaze_recordings"] == 1
    assert not Path("pretrained").exists()


def test_a_recipe_trains_the_small_model_and_its_weights_load_again(cli):
    asked = ("pretrain", RECIPES / "cogaze.yaml", *SMALL, "--limit", "24", "--workers", "0")
    asked += ("--set", "batch_size=8", "--set", "epochs=1", "--precision", "32")
    done = cli(*asked, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    folder = Path("pretrained") / "cogaze"
    assert record == json.loads((folder / "record.json").read_text())
    assert set(record["epochs"][0]) >= {"val_contrastive", "val_gaze", "val_image_labels"}
    assert record["data"]["kind"] == "phantom"
    assert set(record["start"]["sha256"]) == {"tokenizer"}
    assert record["wants"] == {"reports": True, "context": True, "labels": True, "gaze": 1.0}
    again = cli(*asked)
    assert again.code == 0
    assert "best epoch 1 of 1" in again.out

    from safetensors.torch import load_file

    from cxrbench.registry import Registry, load_entry

    state = load_file(folder / "weights.safetensors")
    card = Registry.discover([]).model("cogaze-tiny").card
    encoder = load_entry(card.entry)(card)
    loaded = encoder.load_state_dict(state, strict=False)
    frozen = not any(name.startswith("image_encoder.") for name in state)
    assert all(frozen and name.startswith("image_encoder.") for name in loaded.missing_keys)
    assert all("classifier" in name for name in loaded.unexpected_keys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone.yaml",), "no recipe at gone.yaml"),
        ((RECIPES / "cogaze.yaml", "--set", "settings.gamma=-1", *SMALL), "not valid"),
        ((RECIPES / "cogaze.yaml", "--precision", "8"), "cannot read --precision 8"),
        ((RECIPES / "cogaze.yaml", "--set", "model=gone", "--demo"), "gone"),
        (
            (RECIPES / "cogaze.yaml", "--demo", "--set", "model=cogaze-tiny"),
            "starts from a file that cogaze-tiny does not have",
        ),
        ((RECIPES / "cogaze.yaml", "--weights", "random"), "mimic-cxr is not on this machine"),
        ((RECIPES / "cogaze.yaml", *SMALL, "--devices", "3"), "cannot train on 3 devices"),
    ],
)
def test_a_bad_request_ends_before_any_work(cli, arguments, said):
    done = cli("pretrain", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not Path("pretrained").exists()
