"""Retrieval end to end on a phantom, against the same computed in the plainest way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench import facts
from cxrbench_tasks.phantoms.mimic_5x200 import write
from reading_bench import ReadingBench, pooled, read, unit

from cxrbench.cards import TaskCard
from cxrbench.data.records import Report
from cxrbench.errors import DataError, PluginError
from cxrbench.execution.local import run_one
from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.execution.rescore import rescore
from cxrbench.predictions import Similarities
from cxrbench.runners.base import Machine
from cxrbench.runners.retrieval import RetrievalRunner
from cxrbench.runners.retrieval.recipe import RetrievalRecipe
from cxrbench.runners.retrieval.run import report_texts

TASK = "mimic-5x200"
PROTOCOLS = ("strict@1", "cogaze@1", "benchx@1")


class RetrievalBench(ReadingBench):
    """Runs on the phantom of a set with reports."""

    def plan(self, model, protocol, task=TASK, **asked):
        request = Request(
            models=tuple(model.split(",")), tasks=(task,), protocols=(protocol,),
            roots={"mimic-5x200": self.root}, **asked,
        )  # fmt: skip
        return make_plan(request, self.registry, self.store)

    def run(self, model, protocol, machine=None, task=TASK, **asked):
        return super().run(model, protocol, machine or Machine("cpu"), task, **asked)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("retrieval") / "mimic"
    write(found, patients=60, size=48)
    return found


@pytest.fixture
def bench(root, tmp_path):
    return RetrievalBench(root, tmp_path / "runs")


@pytest.fixture
def calls():
    from reading_plugin.reading import CALLS

    CALLS.update(dict.fromkeys(CALLS, 0))
    return CALLS


def texts_of(planned):
    return [sample.report.findings for sample in planned.data.splits["test"].samples]


@pytest.mark.parametrize(
    ("protocol", "context", "other"),
    [("strict@1", False, "with-context"), ("cogaze@1", True, "without-context")],
)
def test_every_image_stands_before_every_report(bench, protocol, context, other):
    (planned,) = bench.plan("reader", protocol)
    record = bench.run("reader", protocol)
    assert record.context_used is context
    for name, told in (("test", context), (f"test-{other}", not context)):
        encoder, images = pooled(planned, told)
        texts = np.array([read(encoder, text) for text in texts_of(planned)])
        found = bench.predictions(record, name)
        np.testing.assert_allclose(found.values, unit(images) @ unit(texts).T, atol=1e-5)
        labels = found.labels
        best = labels[found.values.argmax(axis=1)]
        precision = (best == labels).all(axis=1).mean()
        scored = record.metrics if name == "test" else record.conditions[other.replace("-", " ")]
        assert scored["i2t-precision@1"].value == pytest.approx(precision)
    assert len({tuple(row) for row in labels}) == 5


def test_strict_asks_in_both_directions_and_of_all_notions(bench):
    record = bench.run("reader", "strict@1")
    values = bench.predictions(record).values
    own = np.diag(values)
    for way, above in (("i2t", values > own[:, None]), ("t2i", (values > own[None]).T)):
        # Reports may repeat each other, and then share their ranks.
        median = np.median(above.sum(axis=1) + 1)
        assert record.metrics[f"{way}-pair-median-rank"].value == pytest.approx(median, abs=2)
    assert {name.split("-")[0] for name in record.metrics} == {"i2t", "t2i"}
    assert sum(name.endswith("-no-own") for name in record.metrics) == 20
    assert record.metrics["i2t-median-rank"].unit == "rank"
    assert record.floors["i2t-precision@1"] == pytest.approx(0.2)


def test_images_of_one_study_share_their_report(bench):
    (planned,) = bench.plan("reader", "strict@1")
    split = planned.data.splits["test"].head(3)
    values = np.array([[0.1, 0.9, 0], [0.9, 0.1, 0], [0, 0, 1]], np.float32)
    hits = []
    for studies in (["s", "s", "t"], ["s", "t", "u"], [None] * 3):
        samples = [replace(x, study=s) for x, s in zip(split.samples, studies, strict=True)]
        found = Similarities(samples, planned.data.labels, split.labels, values)
        scores = RetrievalRunner().score(planned.spec.recipe, {"test": found})
        hits.append(scores.metrics["i2t-pair-hit@1"].value)
    assert hits == pytest.approx([1, 1 / 3, 1 / 3])


def test_what_is_written_stays_home(bench):
    record = bench.run("reader", "strict@1")
    assert {"predictions-test", "predictions-test-with-context", "scores-test"} == set(
        record.artifacts
    )
    assert all(artifact.restricted for artifact in record.artifacts.values())
    ids = {sample.id for sample in bench.predictions(record).samples}
    text = record.model_dump_json()
    assert not any(name in text for name in ids)


def test_equal_reports_have_equal_similarities(bench, monkeypatch):
    texts = []

    def doubled(split, recipe):
        found = report_texts(split, recipe)
        texts.extend([found[0]] * 3 + found[3:])
        return list(texts)

    monkeypatch.setattr("cxrbench.runners.retrieval.run.report_texts", doubled)
    values = bench.predictions(bench.run("reader", "strict@1")).values
    np.testing.assert_array_equal(values[:, 0], values[:, 1])
    np.testing.assert_array_equal(values[:, 0], values[:, 2])
    assert (values[:, 0] != values[:, 3]).all()


def test_pairs_are_scored_each_once(bench, calls):
    (planned,) = bench.plan("pairer", "strict@1")
    record = bench.run("pairer", "strict@1")
    count, unique = len(planned.data.splits["test"]), len(set(texts_of(planned)))
    assert calls["pairs"] == count * unique + 1
    assert (planned.work.pairs, planned.work.texts) == (count**2, 0)
    assert f"{count**2:,} passes" in planned.work.words
    encoder, images = pooled(planned, context=False)
    texts = np.array([read(encoder, text) for text in texts_of(planned)])
    np.testing.assert_allclose(bench.predictions(record).values, 30 * images @ texts.T, atol=1e-4)
    assert record.conditions == {}, "this model is told no context"


@pytest.mark.parametrize(
    ("model", "lacks"),
    [("looker", "no text encoder"), ("lister", "closed list"), ("reader-apart", "share no space")],
)
def test_what_a_model_lacks_is_told_when_planning(bench, model, lacks):
    for protocol in PROTOCOLS:
        (planned,) = bench.plan(model, protocol)
        assert planned.state == "not applicable"
        assert lacks in planned.reason


def test_benchx_looks_within_shuffled_batches_and_asks_for_reports_alone(bench):
    (planned,) = bench.plan("reader", "benchx@1")
    recipe = planned.spec.recipe
    assert (recipe["gallery"], recipe["gallery_size"]) == ("batch", 1000)
    assert recipe["preprocessing"]["resize"] == "squash"
    record = bench.run("reader", "benchx@1")
    assert {name.split("-")[0] for name in record.metrics} == {"i2t"}
    predictions = {"test": bench.predictions(record)}
    runner = RetrievalRunner()
    small = runner.score({**recipe, "gallery_size": 10}, predictions).metrics["i2t-hit@10"]
    whole = runner.score({**recipe, "gallery_size": 1000}, predictions).metrics["i2t-hit@10"]
    assert whole.value == record.metrics["i2t-hit@10"].value
    assert small.value == 1.0, "of ten candidates all are among the first ten"


@pytest.mark.parametrize("model", ["reader", "pairer"])
def test_twice_the_same_and_independent_of_the_batch(bench, root, tmp_path, monkeypatch, model):
    first = bench.run(model, "strict@1")
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "another"))
    other = RetrievalBench(root, tmp_path / "others")
    assert facts(other.run(model, "strict@1")) == facts(first)
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "third"))
    third = RetrievalBench(root, tmp_path / "thirds")
    again = third.run(model, "strict@1", Machine("cpu", batch_size=7, workers=1))
    assert again.run_id == first.run_id
    np.testing.assert_allclose(
        third.predictions(again).values, bench.predictions(first).values, atol=1e-4
    )
    for name, metric in first.metrics.items():
        assert again.metrics[name].value == pytest.approx(metric.value, abs=1e-6), name


def test_stored_similarities_are_scored_again(bench):
    first = bench.run("reader", "strict@1")
    again = rescore(bench.store, first.run_id)
    assert again.metrics == first.metrics
    assert again.conditions == first.conditions
    assert all(artifact.restricted for artifact in again.artifacts.values())


def recipe(*sections):
    return RetrievalRecipe(preprocessing="native", context=False, metrics=[], text=list(sections))


def test_sections_make_a_text_once_each_and_in_order(bench):
    (planned,) = bench.plan("reader", "strict@1")
    split = planned.data.splits["test"]
    reports = [Report("Clear.", "Normal."), Report("Same.", " Same. "), Report("", "Alone.")]
    samples = tuple(replace(split.samples[0], report=report) for report in reports)
    own = replace(split, samples=samples)
    assert report_texts(own, recipe("findings", "impression")) == [
        "Clear. Normal.", "Same.", "Alone.",
    ]  # fmt: skip
    assert report_texts(own, recipe("impression", "findings"))[0] == "Normal. Clear."
    with pytest.raises(DataError, match="1 of 3 images have no text"):
        report_texts(own, recipe("findings"))
    none = replace(split, samples=(replace(split.samples[0], report=None),))
    with pytest.raises(DataError, match="1 of 1"):
        report_texts(none, recipe("findings"))


def test_an_image_without_a_text_fails_the_run_without_its_name(bench):
    (planned,) = bench.plan("reader", "strict@1")
    split = planned.data.splits["test"]
    samples = (replace(split.samples[0], report=Report()), *split.samples[1:])
    data = replace(planned.data, splits={"test": replace(split, samples=samples)})
    record = run_one(replace(planned, data=data), bench.store, Machine("cpu"))
    assert record.status == "failed"
    assert record.error.type == "DataError"
    told = (bench.store.run_folder(record.run_id) / "traceback.txt").read_text()
    assert "have no text" in told
    assert split.samples[0].id not in record.model_dump_json()


@pytest.mark.parametrize(
    "fields", [{"gallery": "batch"}, {"gallery_size": 5}, {"text": []}, {"text": ["history"]}]
)
def test_a_recipe_that_contradicts_itself_is_refused(fields):
    least = {"preprocessing": "native", "context": False, "metrics": [], "text": ["findings"]}
    with pytest.raises(PluginError, match="recipe is not valid"):
        RetrievalRunner().recipe({**least, **fields})


def test_both_lists_are_tasks(bench):
    cards: list[TaskCard] = [bench.registry.tasks.get(n).card for n in (TASK, f"{TASK}-listed")]
    assert [card.lists for card in cards] == [{"test": "test"}, {"test": "listed"}]
    assert {card.main_metric for card in cards} == {"i2t-precision@1"}
    assert all(set(card.protocols) == set(PROTOCOLS) for card in cards)
