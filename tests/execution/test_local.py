"""Running a plan: states, failures, overwriting, scoring again."""

from __future__ import annotations

import pytest
from bench import PLUGIN, facts

from cxrbench.errors import BadRequest, DataError, RunError, UnknownNameError
from cxrbench.execution.local import run_one, run_plan
from cxrbench.execution.rescore import rescore
from cxrbench.hashing import sha256_file
from cxrbench.results.record import Record
from cxrbench.runners.base import Machine
from cxrbench.training import fit
from cxrbench.training.module import FineTuner

CPU = Machine("cpu")
PROBE = ("pixel-stats", "linear-probe@1")


class Killed(BaseException):
    """What a signal does, without ending the tests."""


def state(bench, *arguments, **asked):
    (planned,) = bench.plan(*arguments, **asked)
    return planned.state


def test_a_finished_run_is_done(bench):
    record = bench.run(*PROBE)
    assert state(bench, *PROBE) == "done"
    assert state(bench, *PROBE, overwrite="failed") == "done"
    assert state(bench, *PROBE, overwrite="all") == "to run"
    assert list(run_plan(bench.plan(*PROBE), bench.store, CPU)) == []
    assert bench.store.get(record.run_id) == record


def test_a_failed_run_has_a_record_that_says_why(bench):
    record = bench.run("broken", "strict@1")
    assert record.status == "failed"
    assert record.error.type == "RunError"
    assert record.error.why == "ValueError: out of order"
    assert record.metrics == {}
    folder = bench.store.run_folder(record.run_id)
    assert "out of order" in (folder / "traceback.txt").read_text()
    (planned,) = bench.plan("broken", "strict@1")
    assert planned.state == "failed before"
    assert "out of order" in planned.reason
    assert "--overwrite failed" in planned.reason


def test_one_failure_does_not_stop_the_others(bench):
    plan = bench.plan("broken,small", "linear-probe@1")
    assert [record.status for record in run_plan(plan, bench.store, CPU)] == ["failed", "ok"]


def test_a_failed_run_is_tried_again_when_asked(bench, monkeypatch):
    first = bench.run("broken", "strict@1")
    assert state(bench, "broken", "strict@1", overwrite="failed") == "to run"
    import small_plugin.small as small

    monkeypatch.setattr(small.Broken, "encode_image", small.Small.encode_image)
    second = bench.run("broken", "strict@1", overwrite="failed")
    assert second.status == "ok"
    folder = bench.store.run_folder(first.run_id)
    (old,) = (folder / "superseded").iterdir()
    assert Record.model_validate_json(old.read_text()) == first
    assert not (folder / "traceback.txt").exists(), "it is not the traceback of this record"


def test_overwriting_trains_again_and_keeps_the_old_record(bench, monkeypatch):
    first = bench.run("small", "strict@1")
    steps = []
    original = FineTuner.training_step
    monkeypatch.setattr(
        FineTuner, "training_step", lambda self, *a: steps.append(1) or original(self, *a)
    )
    second = bench.run("small", "strict@1", overwrite="all")
    assert len(steps) == 18, "3 epochs of 6 batches"
    assert facts(second) == facts(first)
    folder = bench.store.run_folder(first.run_id)
    (old,) = (folder / "superseded").iterdir()
    assert Record.model_validate_json(old.read_text()) == first
    assert not (folder / "superseding.txt").exists()


def test_an_overwriting_run_that_is_killed_goes_on(bench, monkeypatch):
    """The old record stands until the end, and the second attempt keeps the work of the first."""
    monkeypatch.setattr(fit, "_COSTS_BETWEEN_SAVES", 0)
    first = bench.run("small", "strict@1")
    steps = []
    original = FineTuner.training_step

    def step(self, batch, batch_idx):
        steps.append((self.current_epoch, batch_idx))
        if len(steps) == 15:
            raise Killed
        return original(self, batch, batch_idx)

    monkeypatch.setattr(FineTuner, "training_step", step)
    with pytest.raises(Killed):
        bench.run("small", "strict@1", overwrite="all")
    assert bench.store.get(first.run_id) == first
    second = bench.run("small", "strict@1", overwrite="all")
    assert steps[15:][0] == (2, 0), "the two whole epochs were kept"
    assert facts(second) == facts(first)


def test_a_killed_score_keeps_the_training(bench, monkeypatch):
    from cxrbench.execution import facts as making

    (planned,) = bench.plan("small", "strict@1")

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(making, "success", killed)
        with pytest.raises(Killed):
            run_one(planned, bench.store, CPU)
    monkeypatch.setattr(FineTuner, "training_step", lambda *_: pytest.fail("trained again"))
    assert run_one(planned, bench.store, CPU).status == "ok"


def test_a_run_taken_by_another_process_is_refused(bench):
    (planned,) = bench.plan(*PROBE)
    with (
        bench.store.lock(planned.spec.run_id),
        pytest.raises(RunError, match="another process"),
    ):
        run_one(planned, bench.store, CPU)
    assert bench.store.get(planned.spec.run_id) is None


def test_the_record_says_what_was_run(bench):
    record = bench.run("small", "strict@1")
    assert record.run_id == record.spec.run_id
    assert record.dataset.kind == "phantom"
    assert {name: facts.n for name, facts in record.dataset.splits.items()} == {
        "train": 48, "val": 11, "test": 24,
    }  # fmt: skip
    assert record.provenance.plugin["distribution"] == f"path:{PLUGIN.name}"
    assert {"build", "images", "fit", "predict", "score"} <= set(record.timings)
    assert record.peak_memory["host"] > 0
    assert set(record.floors) == set(record.metrics) == set(record.spec.recipe["metrics"])
    folder = bench.store.run_folder(record.run_id)
    for artifact in record.artifacts.values():
        assert sha256_file(folder / artifact.path) == artifact.sha256
        assert not artifact.restricted
    assert str(bench.root.parent) not in record.model_dump_json()


def test_scoring_again_gives_the_same_numbers(bench):
    record = bench.run("small", "strict@1")
    again = rescore(bench.store, record.run_id)
    assert (again.metrics, again.floors) == (record.metrics, record.floors)
    assert again.provenance.scored
    assert again.selection == record.selection
    assert bench.store.get(record.run_id) == again


def test_changed_predictions_are_not_scored(bench):
    record = bench.run(*PROBE)
    path = bench.store.run_folder(record.run_id) / record.artifacts["predictions-test"].path
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DataError, match="were changed"):
        rescore(bench.store, record.run_id)
    assert bench.store.get(record.run_id) == record


def test_predictions_that_are_gone_are_told(bench):
    record = bench.run(*PROBE)
    path = bench.store.run_folder(record.run_id) / record.artifacts["predictions-test"].path
    path.unlink()
    with pytest.raises(DataError, match="predictions"):
        rescore(bench.store, record.run_id)


def test_what_has_no_predictions_is_not_scored(bench):
    failed = bench.run("broken", "strict@1")
    with pytest.raises(BadRequest, match="cannot be scored"):
        rescore(bench.store, failed.run_id)
    with pytest.raises(UnknownNameError):
        rescore(bench.store, "no-such-run")


def test_exit_codes_of_the_command(bench, cli):
    def run(*more):
        return cli(
            "--plugin", PLUGIN, "run", "--model", "broken", "--task", "tiny", "--protocol",
            "strict@1", "--data-root", f"nih={bench.root}", "--runs", bench.store.folder,
            "--device", "cpu", "--workers", "0", *more,
        )  # fmt: skip

    assert run().code == 1
    second = run()
    assert second.code == 1, "a failure stays a failure"
    assert "nothing to do" in second.err
    assert run("--overwrite", "failed").code == 1
    (folder,) = bench.store.folder.iterdir()
    assert len(list((folder / "superseded").iterdir())) == 1
    assert run("--batch-size", "7").code == 2
