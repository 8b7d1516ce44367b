"""What the protocols do, end to end on a phantom with encoders that train in a blink."""

from __future__ import annotations

import numpy as np
import pytest
from bench import facts
from torch import nn

from cxrbench.results.predictions import read_predictions
from cxrbench.runners.base import Machine
from cxrbench.runners.batches import notes_on_parts
from cxrbench.runners.classification import finetune, inputs, probe
from cxrbench.training.loading import ResumableLoader


def ids_of(split):
    return [sample.id for sample in split.samples]


@pytest.fixture
def watched(monkeypatch):
    """Which samples each loader served, and which samples the selection was judged on."""
    seen = {"served": [], "judged": []}
    original = ResumableLoader.__iter__

    def iterate(self):
        seen["served"].append(self.dataset._split)
        return original(self)

    def judged(select, predictions):
        seen["judged"].append([s.id for s in predictions.samples])
        return original_monitor(select, predictions)

    original_monitor = finetune.monitor
    monkeypatch.setattr(ResumableLoader, "__iter__", iterate)
    monkeypatch.setattr(finetune, "monitor", judged)
    monkeypatch.setattr(probe, "monitor", judged)
    return seen


def times_served(seen, split):
    return sum(served is split for served in seen["served"])


def test_strict_selects_on_val_and_predicts_test_once(bench, watched):
    (planned,) = bench.plan("small", "strict@1")
    record = bench.run("small", "strict@1")
    val = ids_of(planned.data.splits["val"])
    assert watched["judged"] == [val] * 3
    served = [ids_of(split) for split in watched["served"]]
    assert served.count(ids_of(planned.data.splits["test"])) == 1
    assert served[-1] == ids_of(planned.data.splits["test"]), "after everything else"
    assert record.selection.split == "val"
    assert record.selection.metric == "auroc-macro"


def test_cogaze_selects_on_test_by_rounded_auroc_and_f1(bench, watched):
    (planned,) = bench.plan("small", "cogaze@1")
    record = bench.run("small", "cogaze@1")
    assert watched["judged"] == [ids_of(planned.data.splits["test"])] * 3
    assert record.selection.split == "test"
    auroc, f1 = (record.metrics[name].value for name in ("auroc-macro", "f1-micro@0.5"))
    # The monitor saw the very predictions that are reported.
    assert record.selection.value == pytest.approx(round(auroc, 3) + round(f1, 3), abs=1e-9)


def test_the_epoch_that_strict_reports_is_the_best_on_val(bench, monkeypatch):
    seen = []
    original = finetune.monitor
    monkeypatch.setattr(finetune, "monitor", lambda *a: seen.append(value := original(*a)) or value)
    record = bench.run("trunk", "strict@1")
    assert record.selection.value == max(seen)
    assert record.selection.epoch == int(np.argmax(seen))
    assert len(set(seen)) > 1


def test_the_reported_predictions_are_those_of_the_selected_epoch(bench, monkeypatch):
    scores = []
    original = finetune.monitor

    def keep(select, predictions):
        scores.append(predictions.scores)
        return original(select, predictions)

    monkeypatch.setattr(finetune, "monitor", keep)
    record = bench.run("trunk", "strict@1")
    stored = read_predictions(
        bench.store.run_folder(record.run_id) / record.artifacts["predictions-val"].path
    )
    np.testing.assert_allclose(stored.scores, scores[record.selection.epoch], atol=1e-6)


def test_benchx_gives_every_model_one_normalisation_and_validates_late(bench, watched, monkeypatch):
    specs = []
    original = inputs.Collate.__call__

    def collate(self, items):
        specs.append(self.spec)
        return original(self, items)

    monkeypatch.setattr(inputs.Collate, "__call__", collate)
    record = bench.run("small", "benchx@1")
    assert {spec.mean[0] for spec in specs} == {0.4978}
    assert {spec.std[0] for spec in specs} == {0.2449}
    assert len(watched["judged"]) == 2, "epochs 2 and 3 of 3"
    assert record.selection.split == "val"
    assert record.selection.epoch in (1, 2)
    assert not record.context_used


def test_context_is_given_where_the_protocol_and_the_model_have_it(bench):
    assert bench.run("small", "strict@1").context_used
    assert not bench.run("trunk", "strict@1").context_used
    assert bench.run("small", "linear-probe@1").context_used


@pytest.mark.parametrize("task", ["tiny", "tiny-one-label"])
@pytest.mark.parametrize("protocol", ["strict@1", "cogaze@1", "benchx@1", "linear-probe@1"])
def test_twice_the_same_and_only_probabilities(
    bench, bench_root, tmp_path, protocol, task, monkeypatch
):
    first = bench.run("small", protocol, task=task)
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "another"))
    other = type(bench)(bench_root, tmp_path / "others")
    assert facts(other.run("small", protocol, task=task)) == facts(first)
    for name in ("predictions-val", "predictions-test"):
        path = first.artifacts[name].path
        found = read_predictions(bench.store.run_folder(first.run_id) / path)
        assert found.scores.min() >= 0
        assert found.scores.max() <= 1
        assert np.ptp(found.scores) > 0


def test_seeds_differ(bench):
    first, second = (bench.run("small", "strict@1", seeds=(seed,)) for seed in (0, 1))
    assert facts(first)["predictions"] != facts(second)["predictions"]
    assert first.spec.group_id == second.spec.group_id


@pytest.mark.parametrize(
    ("model", "protocol", "task"),
    [("small", "strict@1", "tiny"), ("small", "benchx@1", "tiny"), ("trunk", "strict@1", "tiny"),
     ("small", "benchx@1", "tiny-one-label"), ("trunk", "cogaze@1", "tiny-one-label"),
     ("small", "linear-probe@1", "tiny"), ("pixel-stats", "linear-probe@1", "tiny")],
)  # fmt: skip
def test_workers_and_evaluation_batch_change_nothing(
    bench, bench_root, tmp_path, model, protocol, task, monkeypatch
):
    first = bench.run(model, protocol, task=task)
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "another"))
    other = type(bench)(bench_root, tmp_path / "others")
    second = other.run(model, protocol, Machine("cpu", batch_size=5, workers=1), task=task)
    assert second.run_id == first.run_id
    for name, metric in first.metrics.items():
        assert second.metrics[name].value == pytest.approx(metric.value, abs=1e-6), name
    assert second.selection.epoch == first.selection.epoch


def test_micro_batches_accumulate_to_the_effective_batch(bench, monkeypatch):
    """16 images an optimiser step, whether in parts of 8 or of 4."""
    seen = []
    original = finetune.fit

    def fitted(module, train, validate, settings, folder):
        seen.append((len(next(iter(train)).labels), settings.accumulate))
        return original(module, train, validate, settings, folder)

    monkeypatch.setattr(finetune, "fit", fitted)
    whole = bench.run("small", "strict@1")
    parts = bench.run("small", "strict@1", Machine("cpu", 4), batch_size=4)
    assert seen == [(8, 2), (4, 4)]
    assert (whole.spec.micro_batch, parts.spec.micro_batch) == (None, 4)
    assert parts.run_id != whole.run_id
    (note,) = [line for line in parts.warnings if "--batch-size" in line]
    assert "batch norm saw 4 images at once, 8 in the protocol" in note
    assert not any("--batch-size" in line for line in whole.warnings)


def test_only_what_looks_at_a_batch_is_told_of_its_parts():
    plain, normed = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert notes_on_parts(4, 16, plain) == notes_on_parts(None, 16, normed, True) == []
    (note,) = notes_on_parts(4, 16, plain, loss_of_batch=True)
    assert "the loss saw 4" in note
    assert "batch norm" not in note


def test_evaluation_is_in_batches_that_the_run_id_tells(bench, monkeypatch):
    sizes = []
    original = inputs.EpochSampler.__init__

    def make(self, count, batch_size, **kwargs):
        sizes.append((batch_size, kwargs["seed"]))
        original(self, count, batch_size, **kwargs)

    monkeypatch.setattr(inputs.EpochSampler, "__init__", make)
    bench.run("small", "cogaze@1", Machine("cpu", 3))
    assert {size for size, seed in sizes if seed is None} == {8}, "the recipe's"
    sizes.clear()
    bench.run("small", "cogaze@1", Machine("cpu", 4), batch_size=4)
    assert {size for size, seed in sizes if seed is None} == {4}


@pytest.mark.parametrize("model", ["small", "timm/resnet10t"])
def test_a_linear_probe_tries_every_c_and_keeps_the_best_on_val(bench, watched, monkeypatch, model):
    values = []
    judged = probe.monitor
    monkeypatch.setattr(probe, "monitor", lambda *a: values.append(v := judged(*a)) or v)
    record = bench.run(model, "linear-probe@1", weights={"*": "random"})
    grid = sorted(record.spec.recipe["c_grid"])
    (planned,) = bench.plan(model, "linear-probe@1", weights={"*": "random"})
    assert watched["judged"] == [ids_of(planned.data.splits["val"])] * len(grid)
    assert record.selection.hyperparameters == {"C": grid[int(np.argmax(values))]}
    assert record.weights.source == "random"
    assert "random weights" in record.unranked_because


def test_every_fit_runs_on_the_training_split_alone(bench, monkeypatch):
    """Labels of val and test do not reach the weights."""
    (planned,) = bench.plan("pixel-stats", "linear-probe@1")
    seen = []
    original = probe.fit_logistic

    def fitted(features, labels, c, start=None):
        seen.append((features, labels))
        return original(features, labels, c, start)

    monkeypatch.setattr(probe, "fit_logistic", fitted)
    bench.run("pixel-stats", "linear-probe@1")
    for features, labels in seen:
        np.testing.assert_array_equal(labels, planned.data.splits["train"].labels)
        np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
        assert set(np.round(features.std(axis=0), 6)) <= {0.0, 1.0}
