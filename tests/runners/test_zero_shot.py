"""Zero-shot classification end to end, against the same computed in the plainest way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bench import facts
from reading_bench import ReadingBench, pooled, read, unit
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from cxrbench.data.rowstore import RowStore
from cxrbench.execution.local import run_one
from cxrbench.execution.rescore import rescore
from cxrbench.runners.base import Machine
from cxrbench.runners.zero_shot import ZeroShotRunner
from cxrbench.runners.zero_shot.scores import probabilities, prototypes, standardised

MASS = ["A mass.", "Something large.", "A lump in the lung."]
PNEUMONIA = ["Pneumonia.", "Something white.", "An infection of the lung."]
NORMAL = ["Normal.", "Nothing at all.", "A lung as it should be."]
TASK = "two-findings"


@pytest.fixture
def bench(bench_root, tmp_path):
    return ReadingBench(bench_root, tmp_path / "runs")


@pytest.fixture
def calls():
    from reading_plugin.reading import CALLS

    CALLS.update(dict.fromkeys(CALLS, 0))
    return CALLS


def cosines(planned, groups, context):
    """N×G×P of every image with every prompt."""
    encoder, images = pooled(planned, context)
    texts = unit(np.array([[read(encoder, text) for text in group] for group in groups]))
    return np.einsum("nd,gpd->ngp", unit(images), texts), texts, unit(images)


def by_prototype(planned, groups, context, chosen):
    _, texts, images = cosines(planned, groups, context)
    means = unit(texts[:, chosen].mean(axis=1))
    fits = images @ means.T
    return (fits[:, :-1] - fits[:, -1:] + 2) / 4


def test_scores_are_differences_to_the_mean_prompts(bench):
    (planned,) = bench.plan("reader", "strict@1", TASK)
    record = bench.run("reader", "strict@1", task=TASK)
    groups, every = (MASS, PNEUMONIA, NORMAL), [0, 1, 2]
    wanted = {
        "test": (True, every), "test-without-context": (False, every),
        **{f"test-prompt-{k + 1}": (True, [k]) for k in every},
    }  # fmt: skip
    assert {name for name in record.artifacts if name != "scores-test"} == {
        f"predictions-{name}" for name in wanted
    }
    for name, (context, chosen) in wanted.items():
        found = bench.predictions(record, name)
        np.testing.assert_allclose(
            found.scores, by_prototype(planned, groups, context, chosen), atol=1e-6
        )
        assert found.names == ("Mass", "Pneumonia")
        auroc = [roc_auc_score(y, s) for y, s in zip(found.labels.T, found.scores.T, strict=True)]
        condition = name.removeprefix("test-").replace("-", " ")
        scored = record.metrics if name == "test" else record.conditions[condition]
        assert scored["auroc-macro"].value == pytest.approx(np.mean(auroc))
    assert record.context_used
    assert record.selection is None


def test_scores_are_in_the_order_of_the_labels(bench):
    first = bench.predictions(bench.run("reader", "strict@1", task=TASK))
    turned = bench.predictions(bench.run("reader", "strict@1", task="two-turned"))
    assert turned.names == ("Pneumonia", "Mass")
    np.testing.assert_allclose(turned.scores, first.scores[:, ::-1], atol=1e-12)


def test_labels_are_scored_against_images_without_findings_too(bench):
    record = bench.run("reader", "strict@1", task=TASK)
    found = bench.predictions(record)
    healthy = (found.labels == 0).all(axis=1)
    each = []
    for labels, scores in zip(found.labels.T, found.scores.T, strict=True):
        rows = healthy | (labels == 1)
        each.append(roc_auc_score(labels[rows], scores[rows]))
    scored = record.conditions["against images without findings"]["auroc-macro"]
    assert scored.value == pytest.approx(np.mean(each))
    assert min(scored.n_per_class.values()) < len(found)


def test_cogaze_averages_and_takes_the_argmax(bench):
    record = bench.run("reader", "cogaze@1", task="one-described")
    found = bench.predictions(record)
    right = (found.scores > 0.5) == (found.labels == 1)
    assert record.metrics["accuracy-top1"].value == pytest.approx(right.mean())
    assert list(record.conditions) == ["without context"]


def test_benchx_takes_the_best_prompt_and_standardises_over_the_split(bench, monkeypatch):
    monkeypatch.setattr(
        ZeroShotRunner, "recipe", lambda self, fields, own=ZeroShotRunner.recipe: own(
            self, {**fields, "preprocessing": "native",
                   "prompts": {**fields["prompts"], "count": 2}}
        ),
    )  # fmt: skip
    (planned,) = bench.plan("reader", "benchx@1", TASK)
    record = bench.run("reader", "benchx@1", task=TASK)
    best = cosines(planned, (MASS[:2], PNEUMONIA[:2]), context=False)[0].max(axis=2)
    expected = expit((best - best.mean(axis=0)) / best.std(axis=0))
    np.testing.assert_allclose(bench.predictions(record).scores, expected, atol=1e-4)
    assert not record.context_used
    assert not record.conditions
    assert set(record.metrics) == {"auroc-macro", "auprc-macro", "f1-macro@best-on-test"}


def test_scores_of_pairs_are_means_over_prompts_and_squashed(bench, calls):
    (planned,) = bench.plan("pairer", "strict@1", TASK)
    record = bench.run("pairer", "strict@1", task=TASK)
    count = len(planned.data.splits["test"])
    assert calls["pairs"] == 9 * count + 1, "each pair once, and one for trial"
    encoder, images = pooled(planned, context=False)
    each = np.array([[read(encoder, t) for t in group] for group in (MASS, PNEUMONIA, NORMAL)])
    fits = 30 * np.einsum("nd,gpd->ngp", images, each)
    for name, chosen in {"test": [0, 1, 2], "test-prompt-3": [2]}.items():
        means = fits[:, :, chosen].mean(axis=2)
        found = bench.predictions(record, name).scores
        difference = means[:, :2] - means[:, 2:]
        expected = (1 + difference / (1 + np.abs(difference))) / 2
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not record.context_used


def test_a_closed_vocabulary_is_asked_for_its_own_names(bench):
    (planned,) = bench.plan("lister", "strict@1", TASK)
    record = bench.run("lister", "strict@1", task=TASK)
    _, images = pooled(planned, context=False)
    expected = expit(10 * images[:, :2])  # lump, infection
    np.testing.assert_allclose(bench.predictions(record).scores, expected, atol=1e-6)
    assert list(record.conditions) == ["against images without findings"]


@pytest.mark.parametrize(
    ("model", "lacks"),
    [
        ("looker", "no text encoder"),
        ("reader-apart", "share no space"),
        ("writer", "encodes no images"),
        ("pixel-stats", "no text encoder"),
    ],
)
def test_what_a_model_lacks_is_told_when_planning(bench, model, lacks):
    (planned,) = bench.plan(model, "strict@1", TASK)
    assert planned.state == "not applicable"
    assert lacks in planned.reason


@pytest.mark.parametrize(
    ("model", "task", "why"),
    [
        ("narrow", TASK, "cannot compare an image with a text"),
        ("liar", TASK, "has no finding not there"),
        ("reader", "one-finding", "do not fit its labels"),
    ],
)
def test_contradictions_are_found_before_images_are_read(bench, calls, model, task, why):
    (planned,) = bench.plan(model, "strict@1", task)
    record = run_one(planned, bench.store, Machine("cpu"))
    assert record.status == "failed"
    assert why in record.error.message
    assert calls["images"] <= 2, "black images on trial"


@pytest.mark.parametrize("model", ["reader", "pairer", "lister"])
def test_twice_the_same_and_independent_of_the_batch(bench, bench_root, tmp_path, model, own_cache):
    first = bench.run(model, "strict@1", task=TASK)
    other = ReadingBench(bench_root, tmp_path / "others")
    assert facts(other.run(model, "strict@1", task=TASK)) == facts(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRBENCH_CACHE", str(tmp_path / "another"))
        third = ReadingBench(bench_root, tmp_path / "thirds")
        record = third.run(model, "strict@1", Machine("cpu", batch_size=5, workers=1), TASK)
    assert record.run_id == first.run_id
    for name in first.artifacts:
        if name.startswith("predictions-"):
            found, known = (
                b.predictions(r, name.removeprefix("predictions-")).scores
                for b, r in ((bench, first), (third, record))
            )
            np.testing.assert_allclose(found, known, atol=1e-6)


def test_a_second_protocol_encodes_nothing(bench, calls):
    bench.run("reader", "strict@1", task=TASK)
    spent = dict(calls)
    bench.run("reader", "cogaze@1", task=TASK)
    # A black image and a text on trial, and the first text to learn the width.
    assert calls["images"] - spent["images"] <= 2
    assert calls["texts"] - spent["texts"] <= 2


def test_what_was_computed_before_a_kill_is_used(bench, calls, monkeypatch):
    (planned,) = bench.plan("pairer", "strict@1", TASK)
    write, written = RowStore._write, []

    def killed(self, ids, stamps, rows):
        if "features" in str(self.folder) and len(written) == 1:
            raise KeyboardInterrupt
        write(self, ids, stamps, rows)
        written.append(len(ids)) if "features" in str(self.folder) else None

    monkeypatch.setattr(RowStore, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        run_one(planned, bench.store, Machine("cpu"))
    monkeypatch.setattr(RowStore, "_write", write)
    calls.update(pairs=0)
    record = run_one(planned, bench.store, Machine("cpu"))
    assert record.status == "ok"
    assert calls["pairs"] == 9 * (len(planned.data.splits["test"]) - written[0]) + 1


def test_stored_predictions_are_scored_again(bench):
    first = bench.run("reader", "strict@1", task=TASK)
    again = rescore(bench.store, first.run_id)
    assert again.metrics == first.metrics
    assert again.conditions == first.conditions


def test_the_plan_says_what_is_encoded(bench):
    (planned,) = bench.plan("reader", "strict@1", TASK)
    count = len(planned.data.splits["test"])
    assert (planned.work.prepared, planned.work.encoded, planned.work.texts) == (
        count, 2 * count, 9,
    )  # fmt: skip
    assert "9 prompts" in planned.work.words
    assert list(planned.data.splits) == ["test"]


def test_equal_fits_are_absent_and_the_order_is_kept():
    difference = np.array([[-2.0], [-0.1], [0.0], [0.1], [2.0]])
    found = probabilities(difference, "joint", contrast=True)
    assert found[:, 0].tolist() == pytest.approx([0, 0.475, 0.5, 0.525, 1])
    assert not (found > 0.5)[2]
    alone = probabilities(difference / 2, "joint", contrast=False)
    assert alone[:, 0].tolist() == pytest.approx([0, 0.475, 0.5, 0.525, 1])
    pairs = probabilities(100 * difference, "pairs", contrast=True)
    assert pairs[2] == 0.5
    assert (np.diff(pairs[:, 0]) > 0).all()


def test_scores_of_pairs_are_kept_apart_however_large_they_are():
    """A logistic function takes 37 and 60 for one number."""
    large = np.r_[np.geomspace(1e-6, 1e6, 2000), np.arange(999_900, 1_000_000), 37, 60]
    difference = np.unique(np.r_[-large, 0, large])[:, None]
    pairs = probabilities(difference, "pairs", contrast=True)
    assert (np.diff(pairs[:, 0]) > 0).all()
    assert pairs.min() > 0
    assert pairs.max() < 1
    np.testing.assert_allclose(pairs + pairs[::-1], 1, atol=1e-15)
    assert ((pairs > 0.5) == (difference > 0)).all()
    beyond = probabilities(np.array([[-1e300], [1e300]]), "pairs", contrast=True)
    assert beyond.tolist() == [[0.0], [1.0]]


def test_every_prompt_has_the_same_say():
    vectors = torch.nn.functional.normalize(torch.randn(2, 5, 7), dim=-1).double().numpy()
    found = prototypes(vectors)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1)
    np.testing.assert_allclose(found[0], unit(vectors[0].sum(axis=0)))
    np.testing.assert_array_equal(prototypes(np.zeros((1, 2, 3))), np.zeros((1, 3)))


def test_a_constant_is_standardised_to_one_half():
    assert (standardised(np.full((4, 2), 0.3)) == 0.5).all()
