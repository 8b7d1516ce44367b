"""The estimate: what is left to do, times what was measured once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from bench import CPU
from mask_bench import MaskBench, mask_phantom
from reading_bench import ReadingBench

from cxrbench.execution import calibrate, trial_work
from cxrbench.execution.calibrate import Rates
from cxrbench.execution.estimate import estimate, in_words
from cxrbench.execution.local import run_one

SECONDS = {"prepared": 0.5, "encoded": 2.0, "trained": 10.0, "texts": 1.0, "pairs": 3.0}


@pytest.fixture
def known(monkeypatch):
    """Rates that are told, not measured."""
    monkeypatch.setattr(Rates, "seconds", lambda self, kind, planned, spec: SECONDS[kind])


def sizes(planned):
    return {name: len(split) for name, split in planned.data.splits.items()}


def test_the_first_run_prepares_and_encodes_for_the_others(bench, known):
    plan = bench.plan("frozen", "linear-probe@1", seeds=(0, 1))
    first, second = estimate(plan, "cpu")
    total = sum(sizes(plan[0]).values())
    assert first.units == {"prepared": total, "encoded": total}
    assert first.seconds == total * 2.5
    assert (second.units, second.seconds) == ({}, 0)


def test_random_weights_encode_anew_for_every_seed(bench, known):
    first, second = estimate(bench.plan("small", "linear-probe@1", seeds=(0, 1)), "cpu")
    assert second.units == {"encoded": first.units["encoded"]}


def test_training_is_counted_for_every_seed(bench, known):
    plan = bench.plan("small", "strict@1", seeds=(0, 1))
    first, second = estimate(plan, "cpu")
    assert first.units["trained"] == second.units["trained"] == plan[0].work.trained > 0
    assert "prepared" in first.units and "prepared" not in second.units


def test_what_is_there_already_is_not_counted(bench, known):
    (planned,) = bench.plan("frozen", "linear-probe@1")
    run_one(planned, bench.store, CPU)
    done, left = estimate(bench.plan("frozen", "linear-probe@1", seeds=(0, 1)), "cpu")
    assert done is None
    assert left.units == {}
    (other,) = estimate(bench.plan("small", "linear-probe@1"), "cpu")
    assert "prepared" not in other.units, "images of this geometry are there"
    assert other.units["encoded"] == sum(sizes(planned).values())


def test_finished_runs_tell_of_heads_and_scoring(bench, known):
    planned, other = bench.plan("frozen,small", "linear-probe@1", seeds=(0,))
    assert estimate([planned], "cpu")[0].heads is None
    record = run_one(planned, bench.store, CPU)
    spent = record.timings["fit"] + record.timings["score"]
    (found,) = estimate([other], "cpu", bench.store.records())
    assert found.heads == pytest.approx(spent)
    assert found.seconds == pytest.approx(found.units["encoded"] * 2.0 + spent)
    (trained,) = bench.plan("small", "strict@1")
    assert estimate([trained], "cpu", bench.store.records())[0].heads is None


@pytest.mark.parametrize("part", ["ids", "sizes"])
def test_runs_on_other_data_tell_nothing(bench, known, part):
    """A phantom takes a second where the real images take hours, with all else the same."""
    (planned,) = bench.plan("frozen", "linear-probe@1")
    record = run_one(planned, bench.store, CPU)
    assert estimate([replace(planned, state="to run")], "cpu", [record])[0].complete
    if part == "ids":
        spec = record.spec.model_copy(update={"data": {**record.spec.data, "test_ids": "other"}})
        other = record.model_copy(update={"spec": spec})
    else:
        splits = {k: v.model_copy(update={"n": 9}) for k, v in record.dataset.splits.items()}
        dataset = record.dataset.model_copy(update={"splits": splits})
        other = record.model_copy(update={"dataset": dataset})
    (found,) = estimate([replace(planned, state="to run")], "cpu", [other])
    assert found.heads is None
    assert not found.complete


def test_what_does_not_apply_has_no_estimate(bench, known):
    assert estimate(bench.plan("text-only", "strict@1"), "cpu") == [None]


def test_a_rate_is_measured_once_for_a_machine(bench, own_cache, monkeypatch):
    (planned,) = bench.plan("small", "strict@1")
    (first,) = estimate([planned], "cpu")
    assert set(first.seconds_per) == {"prepared", "encoded", "trained"}
    assert all(0 < seconds < 5 for seconds in first.seconds_per.values())
    assert first.seconds == pytest.approx(
        sum(first.units[kind] * first.seconds_per[kind] for kind in first.units)
    )
    assert first.unknown == {}
    (memory,) = (own_cache / "rates").glob("*.json")
    assert len(json.loads(memory.read_text())) == 3
    monkeypatch.setattr(calibrate, "_timed", lambda *_: pytest.fail("measured again"))
    (again,) = estimate([planned], "cpu")
    assert again == first
    monkeypatch.setattr(calibrate, "_processor", lambda: "another")
    with pytest.raises(pytest.fail.Exception):
        estimate([planned], "cpu")


def test_what_cannot_be_measured_is_told(bench, monkeypatch):
    (planned,) = bench.plan("small", "strict@1")
    monkeypatch.setattr(trial_work, "work_on", lambda *_: None)
    (found,) = estimate([planned], "cpu")
    assert set(found.unknown) == {"encoded", "trained"}
    assert found.facts["unknown"] == found.unknown
    assert not found.complete


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), torch.OutOfMemoryError("no")])
def test_an_encoder_that_fails_is_told_with_the_reason(bench, own_cache, monkeypatch, error):
    built = []
    original = trial_work.build

    def build(*arguments, **named):
        built.append(1)
        return original(*arguments, **named)

    def fail(*_):
        raise error

    monkeypatch.setattr(trial_work, "build", build)
    monkeypatch.setattr(trial_work, "_train", fail)
    plan = bench.plan("small", "strict@1", seeds=(0, 1))
    found = estimate(plan, "cpu")
    assert [set(each.unknown) for each in found] == [{"trained"}] * 2
    assert found[0].unknown["trained"] == f"{type(error).__name__}: {error}"
    assert len(built) == 1, "once for all seeds and kinds"


def test_an_encoder_that_cannot_be_built_is_told(bench, own_cache, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such layer")

    monkeypatch.setattr(trial_work, "build", fail)
    (planned,) = bench.plan("small", "strict@1")
    native = replace(planned, model=planned.model.model_copy(update={"preprocessing": None}))
    for each in (planned, native):
        (found,) = estimate([each], "cpu")
        assert found.unknown["encoded"] == "ValueError: no such layer"


@pytest.mark.parametrize(("asked", "most"), [(None, 8), (64, 8), (3, 3), (1, 1)])
def test_no_more_images_at_once_than_asked_for(bench, own_cache, monkeypatch, asked, most):
    counts = []
    monkeypatch.setattr(trial_work, "_encode", lambda *rest: counts.append(rest[-1]))
    monkeypatch.setattr(trial_work, "_train", lambda *rest: counts.append(rest[-1]))
    estimate(bench.plan("small", "strict@1"), "cpu", batch_size=asked)
    assert max(counts) == most


@pytest.mark.parametrize(
    ("model", "kinds"),
    [("reader", {"texts"}), ("pairer", {"pairs"}), ("lister", set())],
)
def test_what_a_model_does_with_texts_is_what_is_counted(bench_root, tmp_path, known, model, kinds):
    bench = ReadingBench(bench_root, tmp_path / "runs")
    (planned,) = bench.plan(model, "strict@1", "two-findings")
    (found,) = estimate([planned], "cpu")
    assert set(found.units) & {"texts", "pairs"} == kinds
    if kinds == {"pairs"}:
        (reader,) = bench.plan("reader", "strict@1", "two-findings")
        images = len(planned.data.splits["test"])
        assert found.units["pairs"] == images * reader.work.texts > images


def test_pairs_are_measured(bench_root, tmp_path, own_cache):
    bench = ReadingBench(bench_root, tmp_path / "runs")
    (found,) = estimate(bench.plan("pairer", "strict@1", "two-findings"), "cpu")
    assert found.seconds_per["pairs"] > 0
    assert found.unknown == {}


def test_a_decoder_that_is_trained_with_its_encoder_is_not_counted(bench_root, tmp_path, known):
    bench = MaskBench(mask_phantom(tmp_path / "tbx11k"), tmp_path / "runs")
    for protocol, untimed in (("strict@1", {"decoder"}), ("frozen@1", set())):
        (planned,) = bench.plan("mapped", protocol)
        (found,) = estimate([planned], "cpu")
        assert set(found.unknown) == untimed


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (0.2, "1 s"), (59, "59 s"), (59.4, "1 min"), (73, "1 min 13 s"),
     (600, "10 min"), (601, "11 min"), (3570, "1 h"), (12000, "3 h 20 min"),
     (12001, "3 h 21 min"), (86399, "24 h"), (86401, "1 d 1 h"), (187200, "2 d 4 h")],
)  # fmt: skip
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words
