"""What a request stands for, before anything is computed."""

from __future__ import annotations

import shutil

import pytest
from bench import Bench

from cxrbench.errors import BadRequest, DataError, PluginError, UnknownNameError
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.training.features import Extractor


@pytest.fixture(autouse=True)
def _nothing_is_computed(monkeypatch):
    monkeypatch.setattr(Extractor, "fill", lambda *_: pytest.fail("a plan computes nothing"))


def test_models_by_tasks_by_seeds(bench):
    plan = bench.plan("small,trunk", "strict@1", seeds=(3, 0))
    assert [(p.spec.model, p.spec.seed) for p in plan] == [
        ("small", 3), ("small", 0), ("trunk", 3), ("trunk", 0),
    ]  # fmt: skip
    assert {p.state for p in plan} == {"to run"}
    assert len({p.spec.run_id for p in plan}) == 4
    assert not bench.store.folder.exists(), "planning writes nothing"


@pytest.mark.parametrize(
    ("model", "protocol", "reason"),
    [
        ("text-only", "strict@1", "encodes no images"),
        ("text-only", "linear-probe@1", "encodes no images"),
        ("frozen", "strict@1", "nothing to train"),
        ("pixel-stats", "benchx@1", "nothing to train"),
    ],
)
def test_what_is_not_applicable_is_told_with_its_reason(bench, model, protocol, reason):
    (planned,) = bench.plan(model, protocol)
    assert planned.state == "not applicable"
    assert reason in planned.reason


def test_a_frozen_encoder_can_be_probed(bench):
    (planned,) = bench.plan("frozen", "linear-probe@1")
    assert planned.state == "to run"


def test_globs_and_protocols_of_the_task(bench):
    plan = bench.plan("small", "*")
    assert [p.spec.protocol for p in plan] == [
        "benchx@1", "cogaze@1", "linear-probe@1", "strict@1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"model": "no-such", "protocol": "strict@1"}, UnknownNameError),
        ({"model": "small", "protocol": "no-such@1"}, UnknownNameError),
        ({"model": "small", "protocol": "strict@1", "task": "no-such"}, UnknownNameError),
        ({"model": "small", "protocol": "strict@1", "weights": {"other": "random"}}, BadRequest),
        ({"model": "small,trunk", "protocol": "strict@1", "weights": {"*": "x.pt"}}, BadRequest),
        ({"model": "pixel-stats", "protocol": "linear-probe@1", "weights": {"*": "x.pt"}},
         BadRequest),
    ],
)  # fmt: skip
def test_bad_requests_are_found_before_work_starts(bench, asked, error):
    with pytest.raises(error) as caught:
        bench.plan(**asked)
    assert caught.value.exit_code == 2


def test_a_protocol_the_task_does_not_allow_is_refused(bench):
    card = bench.registry.protocols.get("strict@1").card
    offers = bench.registry.protocols.offers
    offers["mine@1"] = [
        type(offers["strict@1"][0])(
            card.model_copy(update={"id": "mine@1"}), offers["strict@1"][0].provider
        )
    ]
    with pytest.raises(BadRequest, match="cannot be run under mine@1") as caught:
        bench.plan("small", "mine@1")
    assert "strict@1" in caught.value.why


def test_a_recipe_that_is_not_valid_is_the_plugins_fault(bench):
    card = bench.registry.tasks.get("tiny").card
    card.protocols["strict@1"]["epoch"] = 3
    with pytest.raises(PluginError, match="recipe is not valid") as caught:
        bench.plan("small", "strict@1")
    assert "epoch" in caught.value.why


def test_weights_for_several_models(bench):
    plan = bench.plan("small,pixel-stats", "linear-probe@1", weights={"*": "random"})
    assert [p.weights.source for p in plan] == ["random", "none"]
    assert [p.spec.weights for p in plan] == [{"source": "random"}, {"source": "none"}]
    one = bench.plan("small,pixel-stats", "linear-probe@1", weights={"small": "random"})
    assert [p.spec.run_id for p in one] == [p.spec.run_id for p in plan]


@pytest.mark.parametrize(
    ("asked", "kept"), [(None, None), (8, None), (1, 1), (2, 2), (4, 4), (16, 16)]
)
def test_a_micro_batch_is_in_the_spec_where_it_is_not_the_recipes(bench, asked, kept):
    """The recipe: 8 images twice, so 16 a step."""
    (planned,) = bench.plan("small", "strict@1", batch_size=asked)
    assert planned.spec.micro_batch == kept


@pytest.mark.parametrize("asked", [3, 5, 12, 32])
def test_a_batch_that_does_not_divide_the_step_is_refused(bench, asked):
    with pytest.raises(BadRequest, match="does not divide") as caught:
        bench.plan("small", "strict@1", batch_size=asked)
    assert "16 images" in caught.value.why


@pytest.mark.parametrize("asked", [1, 3, 32])
def test_a_batch_means_nothing_to_a_linear_probe(bench, asked):
    (planned,) = bench.plan("small", "linear-probe@1", batch_size=asked)
    (plain,) = bench.plan("small", "linear-probe@1")
    assert planned.spec == plain.spec


def test_the_settings_of_task_and_model_are_in_the_spec(bench):
    strict, benchx = (
        bench.plan("small", protocol)[0].spec.recipe for protocol in ("strict@1", "benchx@1")
    )
    assert strict["optimizer"] == {
        "name": "adamw", "lr": 0.01, "weight_decay": 0.01, "head_lr_multiplier": 10.0,
    }  # fmt: skip
    assert strict["schedule"] == {"name": "plateau", "patience": 0}
    assert benchx["preprocessing"]["size"] == [32, 32]
    card = bench.registry.tasks.get("tiny").card
    card.protocols["benchx@1"]["per_model"] = {"small": {"optimizer": {"lr": 0.5}}}
    small, trunk = bench.plan("small,trunk", "benchx@1")
    assert (small.spec.recipe["optimizer"]["lr"], trunk.spec.recipe["optimizer"]["lr"]) == (
        0.5, 1e-4,
    )  # fmt: skip


def test_the_recipes_of_the_built_in_protocols_are_those_of_the_papers(bench):
    """Table A11 of CoGaze and the common settings of BenchX, on NIH."""
    (strict,) = bench.plan("small", "strict@1", task="nih-1pct")
    recipe = strict.spec.recipe
    whole = ClassificationRecipe.model_validate(recipe)
    assert (whole.batch_size, whole.accumulate, whole.epochs) == (16, 2, 20)
    assert (whole.optimizer.lr, whole.schedule.patience, whole.drop_last) == (1e-5, 5, True)
    assert recipe["loss"] == {"name": "focal", "gamma": 0.2, "class_weights": "effective-number"}
    (cogaze,) = bench.plan("small", "cogaze@1", task="nih-1pct")
    trained = {k: v for k, v in recipe.items() if k not in ("select", "metrics")}
    assert trained == {
        k: v for k, v in cogaze.spec.recipe.items() if k not in ("select", "metrics")
    }
    assert recipe["select"] == {"split": "val", "metric": "auroc-macro"}
    assert cogaze.spec.recipe["select"] == {
        "split": "test", "metric": "auroc-macro", "plus": "f1-micro@0.5", "decimals": 3,
    }  # fmt: skip
    (benchx,) = bench.plan("small", "benchx@1", task="nih-1pct")
    found = benchx.spec.recipe
    assert (found["epochs"], found["first_validation"], found["validate_every"]) == (200, 10, 5)
    assert (found["early_stop"], found["clip_grad_norm"], found["batch_size"]) == (10, 1.0, 64)
    assert found["schedule"] == {
        "name": "unclamped-cosine", "warmup_steps": 50, "total_steps": 3000,
    }  # fmt: skip
    assert found["preprocessing"]["mean"] == [0.4978] * 3


def test_paths_and_the_machine_are_not_in_the_spec(bench, tmp_path):
    elsewhere = Bench(shutil.copytree(bench.root, tmp_path / "moved"), tmp_path / "other")
    ours, theirs = (b.plan("small", "strict@1", seeds=(0,))[0] for b in (bench, elsewhere))
    assert ours.spec.run_id == theirs.spec.run_id


def test_changed_data_is_another_run(bench, tmp_path):
    root = shutil.copytree(bench.root, tmp_path / "changed")
    csv = root / "Data_Entry_2017_v2020.csv"
    train = (root / "splits" / "train_10.txt").read_text().split()[0]
    lines = csv.read_text().splitlines()
    row = next(n for n, line in enumerate(lines) if line.startswith(train))
    fields = lines[row].split(",")
    fields[1] = "Hernia" if fields[1] != "Hernia" else "Mass"
    lines[row] = ",".join(fields)
    csv.write_text("\n".join(lines) + "\n")
    (ours,), (theirs,) = (
        bench.plan("small", "strict@1"),
        Bench(root, tmp_path / "other").plan("small", "strict@1"),
    )
    assert ours.spec.data["labels"] != theirs.spec.data["labels"]
    assert ours.spec.run_id != theirs.spec.run_id


def test_a_limit_is_another_run_with_less_data(bench):
    (planned,) = bench.plan("small", "strict@1", limit=5)
    assert [len(split) for split in planned.data.splits.values()] == [5, 5, 5]
    assert planned.spec.limit == 5
    assert planned.spec.run_id != bench.plan("small", "strict@1")[0].spec.run_id


def test_data_that_is_not_there(bench, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Bench(tmp_path / "nowhere", tmp_path / "runs").plan("small", "strict@1")
