"""What a network starts from: all of a file, or nothing."""

from __future__ import annotations

import pytest
import torch
import toy_pretraining as toy
from safetensors.torch import save_file

from cxrbench.errors import RunError, WeightsError
from cxrbench.pretraining.start import start

FILES = (
    "init.files=[{name: stem, source: manual, file: stem.safetensors, into: stem.}, "
    "{name: words, source: manual, file: words.safetensors}]"
)
RANDOM = "init.random=['(image|label)[.].*', '.*scale', never]"


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    stem = {"weight": torch.full((6, 3, 3, 3), 0.25), "bias": torch.arange(6.0)}
    save_file(stem, folder / "stem.safetensors")
    save_file({"words.weight": torch.full((50, 5), 2.0)}, folder / "words.safetensors")
    return folder


def started(plan):
    return start(plan.recipe, plan.card, toy.LABELS, plan.data.counts, plan.weights)


def test_files_fill_what_is_not_named_as_random(tmp_path, weights):
    plan = toy.plan(tmp_path, FILES, RANDOM, weights=str(weights))
    made, report = started(plan)
    assert (report.matched, report.total) == (3, 3)
    assert made.network.stem.bias.tolist() == [0, 1, 2, 3, 4, 5]
    assert (made.network.words.weight == 2).all()
    assert plan.facts()["starts_from"] == ["stem", "words"]


def test_a_tensor_that_is_neither_loaded_nor_named_is_refused(tmp_path, weights):
    less = RANDOM.replace(", never", "")
    with pytest.raises(WeightsError) as error:
        toy.plan(tmp_path, FILES, less, weights=str(weights))
    assert "never" in error.value.why


def test_a_file_of_another_shape_is_refused_before_any_work(tmp_path, weights):
    save_file({"words.weight": torch.zeros(49, 5)}, weights / "words.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        toy.plan(tmp_path, FILES, RANDOM, weights=str(weights))


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(WeightsError, match="not on this machine"):
        toy.plan(tmp_path, FILES, RANDOM)


def test_random_weights_come_from_the_seed_alone(tmp_path):
    def state(*overrides):
        torch.rand(3)
        made, _ = started(toy.plan(tmp_path, *overrides, weights="random"))
        return torch.cat([p.detach().ravel() for p in made.network.parameters()])

    assert state().equal(state(FILES, RANDOM))
    assert not state().equal(state("seed=4"))


def test_a_side_file_needs_a_plugin_that_takes_it(tmp_path, weights, monkeypatch):
    (weights / "tokenizer.json").write_text("{}")
    side = FILES.replace("]", ", {name: tokenizer, source: manual, file: tokenizer.json}]")
    plan = toy.plan(tmp_path, side, RANDOM, weights=str(weights))
    with pytest.raises(RunError, match="no use for tokenizer"):
        started(plan)
    taken = []
    monkeypatch.setattr(
        toy.ToyPretrainer,
        "use_file",
        lambda self, name, path: taken.append((name, path.name)),
        raising=False,
    )
    started(plan)
    assert taken == [("tokenizer", "tokenizer.json")]


def test_random_weights_keep_the_side_files_of_the_recipe(tmp_path, monkeypatch, own_cache):
    taken = []
    monkeypatch.setattr(
        toy.ToyPretrainer, "use_file", lambda self, name, path: taken.append(name), raising=False
    )
    side = FILES.replace("]", ", {name: tokenizer, source: manual, file: tokenizer.json}]")
    plan = toy.plan(tmp_path, side, weights="random")
    assert any("tokenizer of toy is not on this machine" in line for line in plan.data.warnings)
    started(plan)
    assert taken == []
    kept = own_cache / "weights" / "tokenizer" / "tokenizer.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    found = toy.plan(tmp_path, side, weights="random")
    assert found.digest != plan.digest
    assert found.facts()["starts_from"] == ["random weights", "tokenizer"]
    _, report = started(found)
    assert (taken, report.total) == (["tokenizer"], 0)
    machine = toy.Machine("cpu")
    record = toy.pretrain(found, tmp_path / "out", machine)
    assert record.start.sha256 == {"tokenizer": found.weights.digest["tokenizer"]}


def test_other_weights_are_another_run(tmp_path, weights):
    digests = {
        toy.plan(tmp_path, FILES, RANDOM, weights=given).digest
        for given in ("random", str(weights))
    }
    save_file({"words.weight": torch.full((50, 5), 3.0)}, weights / "words.safetensors")
    digests.add(toy.plan(tmp_path, FILES, RANDOM, weights=str(weights)).digest)
    assert len(digests) == 3
