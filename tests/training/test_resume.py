"""A training killed with SIGKILL and started again equals one that was never killed, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fit_world
import pytest


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits")
    environment = {**os.environ, "CXRBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, fit_world.__file__, str(folder)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("name", fit_world.SCENARIOS)
def test_a_killed_training_ends_as_an_uninterrupted_one(results, name):
    found = results[name]
    *killed, last = found["statuses"]
    assert killed == [-9] * len(killed)
    assert killed
    assert last == 0
    assert found["resumed"] == found["reference"]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("middle of an epoch", [2, 0]),
        ("before last", [2, 0]),
        ("after last", [3, 0]),
        ("before the mark", None),
        ("early stop", None),
        # The clock strikes in batches 1 and 2 of groups of four: saved after the fourth.
        ("clock at batch 1", [1, 4]),
        ("clock at batch 2", [1, 4]),
        ("saving often, batch 5", [2, 4]),
        ("saving often, validation", [2, 4]),
        ("saving rarely", [1, 0]),
    ],
)
def test_nothing_done_is_done_again(results, name, first):
    assert results[name]["started"] == first


def test_the_scenarios_exercise_what_they_are_for(results):
    whole = results["first batch"]["reference"]
    rates = [line["lr"] for line in whole["history"]]
    assert len(set(rates)) > 2, "the plateau schedule fires"
    assert 0 < whole["epoch"] < len(whole["history"]) - 1, "the best epoch is within"
    assert len(results["early stop"]["reference"]["history"]) < len(whole["history"])
    cosine = [line["lr"] for line in results["cosine"]["reference"]["history"]]
    assert cosine[-1] > min(cosine), "the cosine climbs again"


def test_a_finished_training_keeps_its_best_weights_and_marks(results):
    for found in results.values():
        assert found["reference"]["left"] == ["best.ckpt", "fit.json", "history.json"]


def test_a_finished_training_is_not_started_again(tmp_path, monkeypatch):
    (tmp_path / "fit").mkdir()
    first = fit_world.run(tmp_path)
    monkeypatch.setattr(fit_world.FineTuner, "training_step", lambda *_: pytest.fail("trained"))
    assert fit_world.run(tmp_path) == first


def test_half_written_checkpoints_are_swept_up(tmp_path):
    folder = tmp_path / "fit"
    folder.mkdir()
    leftover = folder / ".last.ckpt.abc.tmp"
    leftover.write_bytes(b"half")
    fit_world.run(tmp_path)
    assert not leftover.exists()


def test_dropout_and_batch_norm_are_on_while_training_and_off_while_judging(tmp_path, monkeypatch):
    seen = {"training_step": set(), "validation_step": set()}
    for name, modes in seen.items():
        original = getattr(fit_world.FineTuner, name)

        def step(self, batch, batch_idx, original=original, modes=modes):
            modes |= {self.encoder.drop.training, self.encoder.norm.training}
            return original(self, batch, batch_idx)

        monkeypatch.setattr(fit_world.FineTuner, name, step)
    fit_world.run(tmp_path, fit_world.replace(fit_world.SETTINGS, epochs=2))
    assert seen == {"training_step": {True}, "validation_step": {False}}


def test_frozen_parameters_stay_as_they_are_and_out_of_the_checkpoint(tmp_path):
    module, train, judge = fit_world.plan(tmp_path)
    before = module.encoder.stem.weight.clone()
    settings = fit_world.replace(fit_world.SETTINGS, epochs=1)
    fit_world.fit(module, train, judge, settings, tmp_path / "fit")
    assert before.equal(module.encoder.stem.weight)
    saved = fit_world.torch.load(tmp_path / "fit" / "best.ckpt", weights_only=True)["state_dict"]
    assert not [name for name in saved if "stem" in name]
    assert "encoder.norm.running_mean" in saved


def test_workers_and_accumulation_of_the_same_batch(tmp_path):
    alone = fit_world.run(tmp_path / "a", fit_world.replace(fit_world.SETTINGS, epochs=2))
    helped = fit_world.run(
        tmp_path / "b", fit_world.replace(fit_world.SETTINGS, epochs=2), workers=2
    )
    assert alone == helped


def test_a_training_that_is_never_validated_says_so(tmp_path):
    from cxrbench.errors import RunError

    settings = fit_world.replace(fit_world.SETTINGS, epochs=1, validate_every=2)
    with pytest.raises(RunError, match="no model"):
        fit_world.run(tmp_path, settings)
    assert not (tmp_path / "fit" / "fit.json").exists()


def test_an_undefined_monitor_is_no_number(tmp_path):
    module, train, judge = fit_world.plan(tmp_path)
    object.__setattr__(module._recipe, "monitor", lambda scores: float("nan"))
    settings = fit_world.replace(fit_world.SETTINGS, epochs=2)
    result = fit_world.fit(module, train, judge, settings, tmp_path / "fit")
    assert (result.epoch, result.value) == (0, None)
    history = json.loads(Path(tmp_path / "fit" / "history.json").read_text())
    assert [line["select"] for line in history] == [None, None]
