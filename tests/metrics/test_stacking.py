"""Mixed predictions as weights of stacked ones: the same as mixing them and scoring the mixture."""

from dataclasses import replace

import numpy as np
import pytest
from two_models import World

from cxrbench.errors import BadRequest
from cxrbench.metrics import ClassificationInput, get_metric, metric_ids
from cxrbench.metrics.masks import Distances, MaskInput
from cxrbench.metrics.retrieval_inputs import RetrievalInput, shuffled_batches
from cxrbench.metrics.stacking import stack
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.sections import StructuredInput

LABEL_IDS = [
    name for name in metric_ids() if issubclass(get_metric(name).input_type, ClassificationInput)
]
MASK_IDS = [name for name in metric_ids() if issubclass(get_metric(name).input_type, MaskInput)]
RETRIEVAL_IDS = [
    "i2t-precision@5",
    "t2i-hit@5",
    "i2t-mrr-no-own",
    "t2i-median-rank",
    "i2t-pair-mrr",
]
TEXT_IDS = [
    "bleu4-raw",
    "rouge-l-raw",
    "cider-raw",
    "cider-raw-unique-refs",
    "bleu1-raw-unique-refs",
]
SECTION_IDS = ["rouge-l-sections-by-section-raw", "bleu4-sections-pooled-raw"]


def mixtures(first, second, mix, metric, swapped):
    """Values of the mixture and of what is left, by weights and by mixing."""
    first, second = metric.exchangeable(first), metric.exchangeable(second)
    weights = np.r_[~swapped, swapped][None].astype(float)
    stacked = stack(first, second)
    by_weights = [metric.per_class(stacked, w) for w in (weights, 1 - weights)]
    by_mixing = [
        metric.per_class(mix(one, other, swapped))
        for one, other in ((first, second), (second, first))
    ]
    return by_weights, by_mixing


def mixed_labels(first, second, swapped):
    scores = np.where(swapped[:, None], second.scores, first.scores)
    return ClassificationInput(scores, first.labels, first.names, first.thresholds)


def mixed_masks(first, second, swapped):
    counts = [
        np.where(swapped, getattr(second, name), getattr(first, name))
        for name in ("tp", "fp", "fn", "tn")
    ]
    found = np.where(swapped, second.distances.found, first.distances.found)
    return MaskInput(*counts, distances=replace(first.distances, found=found))


def masks(seed, area=400.0):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1, 1, 1, 5], size=30)
    truth = np.random.default_rng(0).random(30) < 0.3
    shares[truth] *= [0, 1, 0, 1]
    tp, fp, fn, tn = shares.T * area
    distances = np.where(truth, np.nan, rng.random(30))
    return MaskInput(tp, fp, fn, tn, Distances(distances, distances, distances))


@pytest.mark.parametrize("name", LABEL_IDS)
def test_mixed_label_scores(name):
    metric = get_metric(name)
    first, second, patients = World(labels=1 if getattr(metric, "one_label", False) else 3).draw(0)
    count = len(first.names)
    first = replace(first, thresholds=np.full(count, 0.4))
    second = replace(second, thresholds=np.full(count, 0.6))
    labels = first.labels.copy()
    labels[3] = np.nan
    first, second = (replace(side, labels=labels) for side in (first, second))
    swapped = np.random.default_rng(1).random(len(patients)) < 0.5
    by_weights, by_mixing = mixtures(first, second, mixed_labels, metric, swapped)
    np.testing.assert_allclose(by_weights, by_mixing, rtol=1e-12)


@pytest.mark.parametrize("name", LABEL_IDS)
def test_the_scale_of_exchange_does_not_change_the_metric(name):
    metric = get_metric(name)
    first, _, _ = World(labels=1 if getattr(metric, "one_label", False) else 3).draw(2)
    first = replace(first, thresholds=np.full(len(first.names), 0.45))
    np.testing.assert_allclose(
        metric.per_class(metric.exchangeable(first)), metric.per_class(first), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["auroc-macro", "auprc-micro", "f1-macro@best-on-test"])
def test_a_metric_of_the_order_is_exchanged_on_ranks(name):
    """So that a model whose scores are all large is not mixed with another scale."""
    metric = get_metric(name)
    _, second, _ = World(labels=2).draw(3)
    squashed = replace(second, scores=0.9 + 0.1 * second.scores)
    np.testing.assert_array_equal(
        metric.exchangeable(second).scores, metric.exchangeable(squashed).scores
    )
    brier = get_metric("brier-macro")
    assert brier.exchangeable(second) is second


@pytest.mark.parametrize("name", MASK_IDS)
def test_mixed_masks(name):
    metric = get_metric(name)
    first, second = masks(1), masks(2)
    swapped = np.random.default_rng(1).random(30) < 0.5
    by_weights, by_mixing = mixtures(first, second, mixed_masks, metric, swapped)
    np.testing.assert_allclose(by_weights, by_mixing, rtol=1e-12)


@pytest.mark.parametrize("name", MASK_IDS)
def test_a_model_with_larger_images_has_no_more_say(name):
    metric = get_metric(name)
    small, large = masks(1), masks(1, area=6400.0)
    np.testing.assert_allclose(
        metric.per_class(metric.exchangeable(large)), metric.per_class(large)
    )
    swapped = np.random.default_rng(1).random(30) < 0.5
    for other in (small, large):
        sides = metric.exchangeable(other), metric.exchangeable(masks(2))
        weights = np.r_[~swapped, swapped][None].astype(float)
        found = metric.per_class(stack(*sides), weights)
        if other is small:
            expected = found
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("name", RETRIEVAL_IDS)
@pytest.mark.parametrize("gallery", [None, 15])
def test_mixed_queries(name, gallery):
    """A query is answered by the ranking of either model, in that model's own gallery."""
    metric = get_metric(name)
    rng = np.random.default_rng(4)
    labels = np.eye(3)[rng.integers(3, size=40)]
    batches = None if gallery is None else shuffled_batches(40, gallery, 0)
    median = name.endswith("median-rank")  # which has no ties here, as it mixes their orders
    values = [rng.normal(size=(40, 40)).round(12 if median else 1) for _ in range(2)]
    first, second = (RetrievalInput(v, labels, ["a", "b", "c"], batches=batches) for v in values)
    rows = rng.permutation(40)[:30]  # some samples, in another order
    first, second = first.take(rows), second.take(rows)
    swapped = rng.random(30) < 0.5
    weights = np.r_[~swapped, swapped][None].astype(float)
    found = metric.per_class(stack(first, second), weights)[0, 0]
    each = np.where(swapped, metric.per_sample(second), metric.per_sample(first))
    assert found == pytest.approx(np.nanmedian(each) if median else np.nanmean(each))


@pytest.mark.parametrize("name", [*TEXT_IDS, *SECTION_IDS])
def test_mixed_texts(name):
    metric = get_metric(name)
    rng = np.random.default_rng(5)
    words = ["heart", "lung", "clear", "small", "left", "right", "effusion", "no", "seen"]

    def texts():
        made = [" ".join(rng.choice(words, size=rng.integers(3, 9))) for _ in range(24)]
        return [f"Pleura: {t}" if i % 2 else f"Other: {t}" for i, t in enumerate(made)]

    references = texts()[:12] * 2
    sides = texts(), texts()
    kind = StructuredInput if name in SECTION_IDS else TextInput
    swapped = rng.random(24) < 0.5
    first, second = (kind.of(references, side) for side in sides)
    chosen = [b if swap else a for a, b, swap in zip(*sides, swapped, strict=True)]
    expected = metric.per_class(kind.of(references, chosen))
    weights = np.r_[~swapped, swapped][None].astype(float)
    np.testing.assert_allclose(metric.per_class(stack(first, second), weights), expected)


def test_what_nobody_can_stack_is_refused():
    with pytest.raises(BadRequest, match="nothing is registered that stacks list"):
        stack([1], [2])
