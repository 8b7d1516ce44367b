"""What report generation does under each protocol, end to end on a phantom with small encoders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from bench import CPU, facts
from report_bench import ReportBench, report_phantom

from cxrbench.data.rowstore import RowStore
from cxrbench.errors import PluginError
from cxrbench.execution.compare import ComparisonRequest, compare_models
from cxrbench.execution.local import run_one
from cxrbench.execution.rescore import rescore
from cxrbench.metrics.score import score
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.results.predictions import read_predictions
from cxrbench.runners.base import Machine
from cxrbench.runners.reports import ReportRunner, train
from cxrbench.runners.reports.module import ReportWriter
from cxrbench.runners.reports.similar import nearest_images
from cxrbench.training.features import Extractor


class Killed(BaseException):
    """What no run catches."""


EVERY = [
    ("mapped", "strict@1"), ("mapped-trunk", "strict@1"), ("mapped", "frozen@1"),
    ("mapped-frozen", "frozen@1"), ("mapped", "benchx@1"),
]  # fmt: skip


@pytest.fixture(scope="session")
def report_root(tmp_path_factory):
    return report_phantom(tmp_path_factory.mktemp("reports") / "iu-xray")


@pytest.fixture
def reports(report_root, tmp_path):
    return ReportBench(report_root, tmp_path / "runs")


@pytest.fixture
def elsewhere(report_root, tmp_path, monkeypatch):
    """Another place for results and cache; nothing computed before is found there."""

    def make(name="others"):
        monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / f"{name}-cache"))
        return ReportBench(report_root, tmp_path / name)

    return make


def stored(bench, record, name="test"):
    folder = bench.store.run_folder(record.run_id)
    return read_predictions(folder / record.artifacts[f"predictions-{name}"].path)


@pytest.mark.parametrize(("model", "protocol"), EVERY)
def test_twice_the_same(reports, elsewhere, model, protocol):
    first = reports.run(model, protocol)
    assert facts(elsewhere().run(model, protocol)) == facts(first)


@pytest.mark.parametrize(("model", "protocol"), EVERY[:3])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    reports, elsewhere, monkeypatch, model, protocol
):
    first = reports.run(model, protocol)
    second = elsewhere()
    (planned,) = second.plan(model, protocol)
    original = ReportWriter.write
    calls, killed_at = [], [2]

    def dying(self, batch, decoding):
        calls.append(len(batch))
        if len(calls) in killed_at:
            raise Killed
        return original(self, batch, decoding)

    monkeypatch.setattr(ReportWriter, "write", dying)
    # In the second of three validations, then before the second batch of test reports.
    for killed_at[0] in (2, 4):
        calls.clear()
        with pytest.raises(Killed):
            run_one(planned, second.store, CPU)
    calls.clear()
    killed_at.clear()
    assert facts(run_one(planned, second.store, CPU)) == facts(first)
    # What was written is not written again: the first of two batches.
    assert calls == [8]


def test_workers_and_evaluation_batch_change_no_text(reports, elsewhere):
    first = reports.run("mapped", "strict@1")
    second = elsewhere()
    again = second.run("mapped", "strict@1", Machine("cpu", batch_size=3, workers=1))
    assert again.run_id == first.run_id
    assert stored(second, again).generated == stored(reports, first).generated


def test_the_record_tells_the_floors_and_the_reports_left_out(reports):
    record = reports.run("mapped", "frozen@1")
    assert set(record.conditions) == {"most frequent report", "nearest report"}
    (planned,) = reports.plan("mapped", "frozen@1")
    train_texts = [s.report.findings for s in planned.data.splits["train"].samples]
    frequent = stored(reports, record, "test-most-frequent-report").generated
    times = {text: train_texts.count(text) for text in train_texts}
    assert len(set(frequent)) == 1 and times[frequent[0]] == max(times.values())
    nearest = stored(reports, record, "test-nearest-report")
    assert set(nearest.generated) <= set(train_texts) and len(set(nearest.generated)) > 1
    own = TextInput.of(nearest.references, nearest.generated)
    expected = score(own, ["rouge-l-coco-dotspace"], replicates=0)["rouge-l-coco-dotspace"]
    found = record.conditions["nearest report"]["rouge-l-coco-dotspace"]
    assert found.value == pytest.approx(expected.value)


def test_selection_looks_at_the_first_reports_of_val(reports, monkeypatch):
    judged, values = [], []
    original = train.monitored_texts

    def watch(select, references, generated, cut_to=None):
        value = original(select, references, generated, cut_to)
        if len(references) > 1:
            judged.append(tuple(references))
            values.append(value)
        return value

    monkeypatch.setattr(train, "monitored_texts", watch)
    record = reports.run("mapped", "strict@1")
    (planned,) = reports.plan("mapped", "strict@1")
    val = [s.report.findings for s in planned.data.splits["val"].samples]
    assert set(judged) == {tuple(val[:4])}
    assert record.selection.epoch == int(np.argmax(values))
    assert record.selection.value == max(values)


def test_two_views_are_one_sample_and_one_memory(reports, monkeypatch):
    seen = []
    original = ReportWriter.memory

    def watch(self, batch):
        found = original(self, batch)
        seen.append((len(batch.texts), *found.shape))
        return found

    monkeypatch.setattr(ReportWriter, "memory", watch)
    record = reports.run("mapped", "benchx@1")
    # Two latents of each of two views.
    assert {shape[2] for shape in seen} == {4}
    assert record.metrics["bleu4-raw-ref60tokens"].n == 8
    found = stored(reports, record)
    assert found.cut_to == 60
    # The start token counts among the sixty, and among the twelve of this test's texts.
    assert {text == text.lower() for text in found.references} == {True}
    assert max(len(text.split()) for text in found.references) == 59
    # What no generator wrote is cleaned and cut in the same way, so that equal reports are equal.
    nearest = stored(reports, record, "test-nearest-report")
    assert all(text == text.lower() and "," not in text for text in nearest.generated)


def test_the_nearest_report_is_found_again_when_a_context_changes(reports):
    reports.run("mapped", "frozen@1")
    (planned,) = reports.plan("mapped", "frozen@1")
    split = planned.data.splits["train"]
    store = RowStore(reports.store.folder / "rows")
    features = {s.id: np.eye(62, dtype=np.float32)[i] for i, s in enumerate(split.samples)}
    store.stack = lambda ids: np.stack([features[name] for name in ids])
    first = nearest_images(store, split, split, "cpu")
    own, other = split.samples[0].id, split.samples[-1].id
    features[own] = features[other]
    changed = replace(split.samples[0], context="another")
    again = replace(split, samples=(changed, *split.samples[1:]))
    found = nearest_images(store, again, split, "cpu")
    assert split.samples[found[0]].id == other
    assert first[0] != found[0]


def test_images_are_encoded_alone_where_the_recipe_says_so(reports, monkeypatch):
    sizes = []
    original = Extractor._batch

    def watch(self, split, positions, compute):
        sizes.append(len(positions))
        return original(self, split, positions, compute)

    monkeypatch.setattr(Extractor, "_batch", watch)
    (planned,) = reports.plan(
        "mapped", "frozen@1", changes={"one_at_a_time": True}, changed_as="alone"
    )
    assert run_one(planned, reports.store, CPU).status == "ok"
    assert set(sizes) == {1}


def test_metrics_of_whole_references_are_refused_where_they_are_cut(reports):
    with pytest.raises(PluginError) as error:
        reports.plan("mapped", "frozen@1", changes={"cut_references": 9}, changed_as="x")
    assert "of whole references" in error.value.why


def test_a_frozen_encoder_is_run_once_and_never_trained(reports, computed, monkeypatch):
    states = []
    original = ReportWriter.on_validation_epoch_end

    def watch(self):
        original(self)
        encoder = self.reader.encoder
        assert not encoder.training
        states.append(torch.cat([p.detach().flatten().clone() for p in encoder.parameters()]))

    monkeypatch.setattr(ReportWriter, "on_validation_epoch_end", watch)
    reports.run("mapped", "frozen@1")
    assert len(states) == 3
    assert all(torch.equal(state, states[0]) for state in states)
    (planned,) = reports.plan("mapped", "frozen@1")
    train_ids = [s.id for s in planned.data.splits["train"].samples]
    # Once for its memory and once for its pooled features, beside the one that tells their size.
    times = [computed.count(name) for name in train_ids]
    assert sorted(set(times)) in ([2], [2, 3], [2, 4])


def test_scoring_again_gives_the_same_numbers(reports):
    first = reports.run("mapped", "benchx@1")
    again = rescore(reports.store, first.run_id)
    assert again.metrics == first.metrics
    assert again.conditions == first.conditions


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("mapless", "neither a grid nor latents"),
        ("mapped-text", "encodes no images"),
        ("mapped-frozen", "nothing to train"),
    ],
)
def test_what_cannot_be_run_is_known_before(reports, model, reason):
    (planned,) = reports.plan(model, "strict@1")
    assert planned.state == "not applicable"
    assert reason in planned.reason


def test_a_selection_that_cannot_be_computed_here_fails_before_any_work(reports, monkeypatch):
    def no_preparation(*args, **kwargs):
        raise AssertionError("images were prepared")

    monkeypatch.setattr(train.Inputs, "make", no_preparation)
    changes = {"select": {"metric": "chexbert-f1-14-micro", "plus": None}}
    (planned,) = reports.plan("mapped", "strict@1", changes=changes, changed_as="x")
    record = run_one(planned, reports.store, CPU)
    assert record.status == "failed"
    assert record.error.type == "MetricUnavailable"


def test_texts_that_are_longer_than_the_decoder_are_refused(reports):
    with pytest.raises(PluginError, match="positions"):
        reports.plan("mapped", "strict@1", changes={"max_tokens": 41}, changed_as="x")


def test_a_changed_protocol_is_recorded_and_not_ranked(reports):
    (plain,) = reports.plan("mapped", "strict@1")
    (changed,) = reports.plan("mapped", "strict@1", changes={"epochs": 2}, changed_as="short")
    assert changed.spec.protocol == "strict@1+short"
    assert changed.spec.run_id != plain.spec.run_id
    record = run_one(changed, reports.store, CPU)
    assert "changed protocol" in record.unranked_because


def test_rates_by_name_and_a_name_that_nothing_has(reports):
    changes = {"optimizer": {"lr_multipliers": {r"^head\.decoder\.transformer\.h\.": 0.0}}}
    seen = {}
    original = ReportWriter.configure_optimizers

    def watch(self):
        seen["groups"] = original(self).param_groups
        return original(self)

    ReportWriter.configure_optimizers = watch
    try:
        (planned,) = reports.plan("mapped", "strict@1", changes=changes, changed_as="x")
        assert run_one(planned, reports.store, CPU).status == "ok"
    finally:
        ReportWriter.configure_optimizers = original
    assert [group["lr"] for group in seen["groups"]] == pytest.approx([1e-3, 1e-2, 0.0])
    layers = sum(p.numel() for p in seen["groups"][2]["params"])
    assert layers > 1000
    wrong = {"optimizer": {"lr_multipliers": {"nothing": 1.0}}}
    (planned,) = reports.plan("mapped", "strict@1", changes=wrong, changed_as="x")
    assert (
        "no trained parameter is called nothing"
        in run_one(planned, reports.store, CPU).error.message
    )


def test_work_counts_images_of_reports(reports):
    (planned,) = reports.plan("mapped", "strict@1")
    work = planned.work
    assert work.trained == 3 * 62
    assert work.prepared == 62 + 6 + 16
    assert work.encoded == 3 * 4 + 16 + (62 + 6 + 16)
    assert work.untimed == ("decoder",)


def test_gradient_checkpointing_changes_no_number(reports, elsewhere):
    values = []
    for bench, on in ((reports, False), (elsewhere(), True)):
        changes = {"gradient_checkpointing": on, "generator": {"decoder": {"dropout": 0.0}}}
        (planned,) = bench.plan("mapped", "frozen@1", changes=changes, changed_as="x")
        record = run_one(planned, bench.store, CPU)
        values.append(stored(bench, record).generated)
    assert values[0] == values[1]


def test_two_models_are_compared_by_any_metric_of_reports(reports):
    for model in ("mapped", "mapped-frozen"):
        reports.run(model, "frozen@1")
    metrics = ("findings-f1-micro-rules14", "rouge-l-coco-dotspace")
    asked = ComparisonRequest("mapped", "mapped-frozen", metrics=metrics, replicates=20)
    found, skipped = compare_models(reports.store, asked)
    assert {each.metric for each in found} == set(metrics)
    assert not skipped


def test_a_runner_refuses_other_predictions(reports):
    with pytest.raises(TypeError, match="scored from texts"):
        ReportRunner().score({"metrics": ["bleu4-coco-dotspace"]}, {"test": object()})
