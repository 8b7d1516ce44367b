"""A whole run in small: what it writes, and what it does the second time."""

from __future__ import annotations

import csv
import json
import math
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import toy_pretraining as toy
from lightning.pytorch.strategies import SingleDeviceStrategy
from safetensors.torch import load_file, save_file

from cxrbench.errors import BadRequest, RunBusyError, RunError
from cxrbench.hashing import sha256_file
from cxrbench.pretraining.module import PretrainingModule
from cxrbench.pretraining.record import PretrainingRecord
from cxrbench.pretraining.run import pretrain


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRBENCH_CACHE", str(folder / "cache"))
        return folder, toy.train(folder)


def lines(path):
    with path.open() as file:
        return [{k: float(v) for k, v in line.items()} for line in csv.DictReader(file)]


def test_a_run_ends_with_weights_and_a_record_of_them(finished):
    folder, record = finished
    weights = folder / "out" / "weights.safetensors"
    assert PretrainingRecord.model_validate_json((folder / "out/record.json").read_text()) == record
    assert record.weights.sha256 == sha256_file(weights)
    tensors = load_file(weights)
    assert len(tensors) == record.weights.tensors
    best = torch.load(folder / "out/fit/best.ckpt", weights_only=True)
    assert best["epoch"] == record.weights.epoch
    for name, tensor in tensors.items():
        assert tensor.equal(best["state_dict"][f"network.{name}"]), name
    assert (folder / "out/fit/last.ckpt").exists()


def test_the_best_epoch_is_that_of_the_lowest_val_loss(finished):
    _, record = finished
    values = [line["val_total"] for line in record.epochs]
    assert record.weights.value == min(values)
    assert record.weights.epoch == values.index(min(values))


def test_the_record_says_what_was_trained_on(finished):
    folder, record = finished
    train = record.data["splits"]["train"]
    assert (train["images"], train["left_out"], train["list"]) == (toy.TRAIN, toy.EMPTY, "train")
    assert record.recipe["optimizer"]["lr"] == 0.02
    # 22 images are four batches of at most 6, and so two steps.
    assert record.steps == 2 * 5
    # The image head 35, the words 250, the labels 12, two scales, two unused; the stem 168.
    assert record.parameters == {"total": 301 + 168, "trainable": 301}
    text = (folder / "out/record.json").read_text()
    assert str(folder) not in text
    assert "word3" not in text
    assert '"i3"' not in text


def test_the_logs_hold_each_epoch_and_every_second_batch(finished):
    folder, record = finished
    epochs, steps = (lines(folder / "out" / f"{name}.csv") for name in ("epochs", "steps"))
    assert [line["epoch"] for line in epochs] == [0, 1, 2, 3, 4]
    for line, kept in zip(epochs, record.epochs, strict=True):
        assert line == pytest.approx(kept)
    assert [(line["epoch"], line["step"]) for line in steps[:4]] == [(0, 1), (0, 2), (1, 3), (1, 4)]
    first = [line["train_total"] for line in steps if line["epoch"] == 0]
    assert epochs[0]["train_total"] == pytest.approx(sum(first) / 2, rel=1e-6)
    for line in epochs:
        # Of two batches of val, of 6 images and of 1, the first alone has gaze.
        parts = line["val_contrastive"] + line["val_label"] + line["val_gaze"] * 6 / 7
        assert line["val_total"] == pytest.approx(parts, rel=1e-5)


def test_the_rate_follows_the_val_loss(tmp_path):
    record = toy.train(tmp_path, "optimizer.lr=0.5", "clip_grad_norm=null", "epochs=8")
    rates = [line["lr"] for line in record.epochs]
    expected, best = [0.5], math.inf
    for line in record.epochs[:-1]:  # patience 0: every epoch that is not better halves it
        better = line["val_total"] < best * (1 - 1e-4)
        best = min(best, line["val_total"]) if better else best
        expected.append(expected[-1] * (1 if better else 0.5))
    assert rates == expected
    assert len(set(rates)) > 2


def test_frozen_parameters_are_not_trained_and_unused_ones_are_left(finished):
    folder, _ = finished
    state = torch.load(folder / "out/fit/best.ckpt", weights_only=True)["state_dict"]
    assert not [name for name in state if "stem" in name]
    assert state["network.never"].tolist() == [0, 0]
    assert state["network.gaze_scale"] != 1


def test_a_finished_run_is_not_done_again(finished, monkeypatch):
    folder, record = finished
    monkeypatch.setattr(PretrainingModule, "training_step", lambda *_: pytest.fail("trained"))
    assert toy.train(folder) == record


def test_another_recipe_does_not_go_on_in_the_folder(tmp_path):
    toy.train(tmp_path, "epochs=1")
    before = (tmp_path / "out" / "weights.safetensors").read_bytes()
    for changed in ("optimizer.lr=0.01", "settings.gaze=0.5", "epochs=2", "precision=bf16"):
        with pytest.raises(BadRequest, match="holds another run"):
            toy.train(tmp_path, "epochs=1", changed)
    toy.train(tmp_path, "epochs=1", "title=Another", "log_every=7")  # the same numbers
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == before
    record = toy.train(tmp_path, "epochs=2", overwrite=True)
    assert len(record.epochs) == 2


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    """Not the record and not the weights of somebody else."""
    toy.train(tmp_path, "epochs=1")
    out = tmp_path / "out"
    (out / "run.json").unlink()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for overwrite in (False, True):
        with pytest.raises(BadRequest, match="holds other files"):
            toy.train(tmp_path, "epochs=1", overwrite=overwrite)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "weights.safetensors").write_bytes(b"mine")
    with pytest.raises(BadRequest, match="holds other files"):
        pretrain(toy.plan(tmp_path), empty, toy.Machine("cpu"))
    assert [path.name for path in empty.iterdir()] == ["weights.safetensors"]


def test_weights_that_are_gone_are_written_again(tmp_path, monkeypatch):
    first = toy.train(tmp_path, "epochs=2")
    (tmp_path / "out" / "weights.safetensors").unlink()
    monkeypatch.setattr(PretrainingModule, "training_step", lambda *_: pytest.fail("trained"))
    again = toy.train(tmp_path, "epochs=2")
    assert again.weights == first.weights
    assert sha256_file(tmp_path / "out" / "weights.safetensors") == first.weights.sha256


@pytest.mark.parametrize("name", ["weights.safetensors", "record.json"])
def test_a_file_of_something_else_in_a_finished_run_is_told(tmp_path, name):
    first = toy.train(tmp_path, "epochs=1")
    file = tmp_path / "out" / name
    other = {"digest": "another"} if name == "record.json" else {}
    text = (tmp_path / "out" / "record.json").read_text()
    file.write_text(json.dumps({**json.loads(text), **other}))
    with pytest.raises(BadRequest, match="was changed after the run") as error:
        toy.train(tmp_path, "epochs=1")
    assert name in error.value.why
    assert toy.train(tmp_path, "epochs=1", overwrite=True).weights == first.weights


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(RunBusyError):
        toy.train(tmp_path)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(tmp_path):
    with pytest.raises(RunError, match="no number") as error:
        toy.train(tmp_path, "optimizer.lr=1e30", "clip_grad_norm=null", "epochs=3")
    assert "optimizer.lr" in error.value.fix
    assert not (tmp_path / "out" / "record.json").exists()


def test_no_checkpoint_holds_what_is_no_number(tmp_path, monkeypatch):
    """Also where the loss is looked at less often than it is saved."""
    monkeypatch.setattr("cxrbench.training.fit._SAVE_EVERY", timedelta(0))
    asked = ("clip_grad_norm=null", "epochs=3", "log_every=50", "accumulate=1")
    original = PretrainingModule.on_train_batch_start

    def poisoned(self, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (1, 1):  # as a gradient that overflowed would
            self.network.image.weight.data.fill_(math.nan)
        original(self, batch, batch_idx)

    monkeypatch.setattr(PretrainingModule, "on_train_batch_start", poisoned)
    with pytest.raises(RunError, match="no number"):
        toy.train(tmp_path, *asked)
    state = torch.load(tmp_path / "out" / "fit" / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    assert all(bool(tensor.isfinite().all()) for tensor in state["state_dict"].values())
    monkeypatch.setattr(PretrainingModule, "on_train_batch_start", original)
    assert len(toy.train(tmp_path, *asked).epochs) == 3


@pytest.mark.parametrize("stop", ["early_stop=null", "early_stop=1"])
def test_the_last_checkpoint_is_of_the_last_epoch(tmp_path, monkeypatch, stop):
    monkeypatch.setattr("cxrbench.training.fit._COSTS_BETWEEN_SAVES", 1e9)
    record = toy.train(tmp_path, stop, "epochs=12", "optimizer.lr=0.5")
    assert (len(record.epochs) < 12) == (stop == "early_stop=1")
    last = torch.load(tmp_path / "out" / "fit" / "last.ckpt", weights_only=True)
    assert last["epoch"] == len(record.epochs) - 1
    assert last["global_step"] == record.steps


@pytest.mark.parametrize("asked", ["batch_size=7", "batch_size=40"])
def test_a_batch_with_fewer_images_than_devices_is_refused(tmp_path, asked):
    """22 images are three batches of 7 and one of 1, or one batch of 22."""
    devices = {"batch_size=7": 2, "batch_size=40": 23}[asked]
    with pytest.raises(BadRequest, match=f"cannot train on {devices} devices") as error:
        toy.train(tmp_path, asked, devices=devices)
    assert f"the last batch of an epoch has {22 % int(asked[11:])} image" in error.value.why
    assert not (tmp_path / "out").exists()


def test_all_devices_decide_by_the_numbers_of_the_first(tmp_path, monkeypatch):
    first = iter([12.0, 13.0, 14.0])

    def of_the_first(self, value, src=0):
        told = isinstance(value, dict) and "val_total" in value
        return {**value, "val_total": next(first)} if told else value

    monkeypatch.setattr(SingleDeviceStrategy, "broadcast", of_the_first)
    record = toy.train(tmp_path, "epochs=3")
    assert [line["val_total"] for line in record.epochs] == [12.0, 13.0, 14.0]
    assert [line["lr"] for line in record.epochs] == [0.02, 0.02, 0.01]
    assert (record.weights.epoch, record.weights.value) == (0, 12.0)


def test_a_term_is_a_mean_over_the_batches_that_have_it(tmp_path):
    recipe = toy.recipe(tmp_path)
    module = PretrainingModule(SimpleNamespace(network=torch.nn.Linear(1, 1)), recipe, 1)
    module._names = ["gaze", "never", "total"]
    nan = math.nan
    rows = [torch.tensor(row) for row in ([2.0, nan, 1.0], [nan, nan, 2.0], [4.0, nan, 6.0])]
    found = module._means("train", rows)
    assert (found["train_gaze"], found["train_total"]) == (3.0, 3.0)
    assert math.isnan(found["train_never"])
    weighted = module._means("val", rows, torch.tensor([6.0, 1.0, 2.0]))
    assert weighted["val_gaze"] == pytest.approx((2 * 6 + 4 * 2) / 8)
    assert math.isnan(module._means("val", [torch.tensor([1.0, 1.0, nan]), rows[0]])["val_total"])


def test_runs_share_what_is_kept_of_the_same_trunk(tmp_path, monkeypatch):
    stem = {"weight": torch.full((6, 3, 3, 3), 0.01), "bias": torch.arange(6.0)}
    (tmp_path / "weights").mkdir()
    save_file(stem, tmp_path / "weights" / "stem.safetensors")
    loaded = (
        "init.files=[{name: stem, source: manual, file: stem.safetensors, into: stem.}]",
        "init.random=['(?!stem).*']",
    )
    computed, original = [], toy.ToyNetwork.encode_trunk

    def counted(self, pixels):
        if len(pixels) > 1:
            computed.append(len(pixels))
        return original(self, pixels)

    monkeypatch.setattr(toy.ToyNetwork, "encode_trunk", counted)

    def images(out, *overrides, weights=None):
        computed.clear()
        plan = toy.plan(tmp_path, "trunk=kept", "epochs=1", *overrides, weights=weights)
        pretrain(plan, tmp_path / out, toy.Machine("cpu"))
        return sum(computed)

    given = str(tmp_path / "weights")
    every = toy.TRAIN + toy.VAL
    assert images("a", *loaded, weights=given) >= every - 1
    assert images("b", *loaded, "seed=4", weights=given) >= every - 1, "it does not say what it is"
    monkeypatch.setattr(
        toy.ToyPretrainer, "trunk", lambda self: (self.network.stem, {"kernel": 3}), raising=False
    )
    assert images("c", *loaded, weights=given) >= every - 1
    assert images("d", *loaded, "seed=4", weights=given) == 0
    assert images("e", "seed=5") >= every - 1, "a trunk that is drawn by the seed"
    save_file({**stem, "bias": torch.ones(6)}, tmp_path / "weights" / "stem.safetensors")
    assert images("f", *loaded, weights=given) >= every - 1


def test_the_numbers_do_not_depend_on_workers_or_on_the_cache(tmp_path):
    machines = [toy.Machine("cpu", workers=workers) for workers in (0, 2)]
    found = [
        pretrain(toy.plan(tmp_path, "epochs=2"), tmp_path / f"out{m.workers}", m) for m in machines
    ]
    assert found[0].weights == found[1].weights
    assert found[0].epochs == found[1].epochs


def test_the_kept_trunk_trains_to_the_same_numbers_in_half_precision(tmp_path):
    pixels = toy.train(tmp_path / "a", "settings.dropout=0")
    kept = toy.train(tmp_path / "b", "settings.dropout=0", "trunk=kept")
    for one, other in zip(pixels.epochs, kept.epochs, strict=True):
        assert other["val_total"] == pytest.approx(one["val_total"], rel=1e-2)
    assert pixels.digest != kept.digest
    assert "trunk" in kept.timings


def test_a_trunk_that_is_trained_is_not_kept(tmp_path, monkeypatch):
    original = toy.ToyNetwork.__init__

    def thawed(self, dropout):
        original(self, dropout)
        self.stem.requires_grad_(True)

    monkeypatch.setattr(toy.ToyNetwork, "__init__", thawed)
    with pytest.raises(BadRequest, match="trunk that is trained"):
        toy.train(tmp_path, "trunk=kept")


def test_gradient_checkpointing_is_asked_of_the_plugin(tmp_path, monkeypatch):
    with pytest.raises(BadRequest, match="gradient_checkpointing"):
        toy.plan(tmp_path, "gradient_checkpointing=true")
    asked = []
    monkeypatch.setattr(
        toy.ToyPretrainer,
        "enable_gradient_checkpointing",
        lambda self: asked.append(self),
        raising=False,
    )
    toy.train(tmp_path, "gradient_checkpointing=true", "epochs=1")
    assert len(asked) == 1


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_other_schedules(tmp_path, schedule):
    record = toy.train(tmp_path, f"schedule={{name: {schedule}}}", "epochs=3")
    rates = [line["lr"] for line in record.epochs]
    if schedule == "constant":
        assert rates == [0.02] * 3
    else:  # 6 steps in all, two an epoch; the rate of an epoch's end is that of the next step
        expected = [0.02 * 0.5 * (1 + math.cos(math.pi * step / 6)) for step in (2, 4, 6)]
        assert rates == pytest.approx(expected, abs=1e-12)


def test_early_stopping_looks_for_a_lower_loss(tmp_path):
    record = toy.train(tmp_path, "early_stop=1", "epochs=40", "optimizer.lr=0.5")
    values = [line["val_total"] for line in record.epochs]
    assert len(values) < 40
    assert values[-1] >= min(values[:-1])


def test_bf16_trains(tmp_path):
    record = toy.train(tmp_path, "precision=bf16", "epochs=2")
    assert all(math.isfinite(line["val_total"]) for line in record.epochs)
    assert json.loads((tmp_path / "out/record.json").read_text())["recipe"]["precision"] == "bf16"


def test_tensorboard_gets_the_same_lines_where_it_is_installed(tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder, purge_step):
            written.append(("open", Path(folder).name, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def close(self):
            written.append(("close",))

    fake = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    monkeypatch.setattr("cxrbench.pretraining.logs.importlib.util.find_spec", lambda name: fake)
    record = toy.train(tmp_path, "epochs=2")
    assert written[0] == ("open", "tensorboard", 1)
    assert written[-1] == ("close",)
    found = {(name, step): value for name, value, step in written[1:-1]}
    for line in record.epochs:
        assert found["val/total", line["step"]] == line["val_total"]
    steps = lines(tmp_path / "out" / "steps.csv")
    assert [found["train/total", line["step"]] for line in steps] == pytest.approx(
        [line["train_total"] for line in steps]
    )
