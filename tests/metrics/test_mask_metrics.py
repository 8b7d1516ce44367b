"""Metrics of masks against torchmetrics, scikit-learn, SciPy and counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_cases import drawn, input_of, masks_of
from scipy.ndimage import binary_erosion, distance_transform_edt
from sklearn.metrics import f1_score, jaccard_score
from torchmetrics.classification import BinaryJaccardIndex, MulticlassF1Score

from cxrbench.errors import BadRequest, RunError
from cxrbench.metrics import get_metric
from cxrbench.metrics.base import evaluate
from cxrbench.metrics.masks import MaskInput
from cxrbench.metrics.score import score
from cxrbench.metrics.surfaces import hausdorff95, outline

seeds = st.integers(0, 2**20)
IDS = [
    "dice-image-empty1", "dice-image-positives", "dice-pooled-fg", "mdice-pooled-with-bg",
    "iou-image-positives", "iou-pooled-fg", "miou-pooled-with-bg", "hausdorff95-positives",
    "lesion-image-sensitivity", "lesion-image-specificity",
]  # fmt: skip


def value(metric_id, data):
    return evaluate(get_metric(metric_id), data).value


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_metrics_of_images_against_scikit_learn_image_by_image(seed):
    predicted, true = drawn(seed)
    data = input_of(predicted, true)
    positive = [i for i in range(len(true)) if true[i].any()]
    dice = [f1_score(true[i].ravel(), predicted[i].ravel()) for i in positive]
    iou = [jaccard_score(true[i].ravel(), predicted[i].ravel()) for i in positive]
    empty = [float(not predicted[i].any()) for i in range(len(true)) if not true[i].any()]
    assert value("dice-image-positives", data) == pytest.approx(np.mean(dice))
    assert value("iou-image-positives", data) == pytest.approx(np.mean(iou))
    assert value("dice-image-empty1", data) == pytest.approx(np.mean(dice + empty))
    assert value("lesion-image-specificity", data) == pytest.approx(np.mean(empty))
    told = np.mean([predicted[i].any() for i in positive])
    assert value("lesion-image-sensitivity", data) == pytest.approx(told)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_pooled_metrics_against_torchmetrics(seed):
    predicted, true = drawn(seed)
    data = input_of(predicted, true)
    p, t = torch.from_numpy(predicted).long().ravel(), torch.from_numpy(true).long().ravel()
    background, foreground = MulticlassF1Score(2, average=None)(p, t).tolist()
    assert value("dice-pooled-fg", data) == pytest.approx(foreground, abs=1e-6)
    both = (background + foreground) / 2
    assert value("mdice-pooled-with-bg", data) == pytest.approx(both, abs=1e-6)
    iou = [float(BinaryJaccardIndex()(*pair)) for pair in ((1 - p, 1 - t), (p, t))]
    assert value("iou-pooled-fg", data) == pytest.approx(iou[1], abs=1e-6)
    assert value("miou-pooled-with-bg", data) == pytest.approx(np.mean(iou), abs=1e-6)
    each = evaluate(get_metric("mdice-pooled-with-bg"), data).per_class
    assert each == pytest.approx({"background": background, "foreground": foreground}, abs=1e-6)


def by_distance_maps(predicted, true):
    """Hausdorff distance at the 95th percentile, from SciPy's erosion and distance transform."""
    edges = [mask & ~binary_erosion(mask) for mask in (predicted, true)]
    maps = [distance_transform_edt(~edge) for edge in edges]
    directed = [maps[1][edges[0]], maps[0][edges[1]]]
    return max(np.percentile(d, 95) for d in directed)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_hausdorff_against_distance_maps(seed):
    rng = np.random.default_rng(seed)
    predicted, true = rng.random((2, 11, 17)) < 0.2
    predicted[rng.integers(11)], true[rng.integers(11)] = True, True
    assert hausdorff95(predicted, true) == pytest.approx(by_distance_maps(predicted, true))
    edge = np.zeros_like(true)
    edge[tuple(outline(true).T)] = True
    np.testing.assert_array_equal(edge, true & ~binary_erosion(true))


def test_hausdorff_of_two_boxes_by_hand():
    first, second = np.zeros((2, 20, 30), bool)
    first[5:9, 5:9] = True
    second[5:9, 12:16] = True
    assert hausdorff95(first, second) == 7
    assert hausdorff95(first, first) == 0
    assert hausdorff95(first, np.zeros_like(first)) == math.hypot(20, 30)
    assert hausdorff95(np.zeros_like(first), np.zeros_like(first)) == 0


def test_leaving_a_mask_out_is_never_better_than_drawing_it_in_a_wrong_place():
    true, far, none = np.zeros((3, 40, 40), bool)
    true[0:3, 0:3], far[-3:, -3:] = True, True
    data = input_of([far, none], [true, true], distances=True)
    values = get_metric("hausdorff95-positives").per_sample(data)
    assert values[0] < values[1] == math.hypot(40, 40)


def test_images_without_a_true_mask_have_no_distance():
    true, none = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    data = input_of([true, none, true], [true, none, none], distances=True)
    np.testing.assert_array_equal(data.hausdorff, [0, np.nan, np.nan])
    assert value("hausdorff95-positives", data) == 0
    with pytest.raises(BadRequest, match="distances"):
        value("hausdorff95-positives", input_of([true], [true]))


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_weights_are_the_same_as_repeating_images(seed):
    predicted, true = drawn(seed)
    rows = np.random.default_rng(seed).integers(len(true), size=len(true))
    data = input_of(predicted, true, distances=True)
    weights = np.bincount(rows, minlength=len(true))[None].astype(float)
    for metric_id in IDS:
        metric = get_metric(metric_id)
        weighted = metric.aggregate(metric.per_class(data, weights))[0]
        assert weighted == pytest.approx(value(metric_id, data.take(rows)), nan_ok=True), metric_id


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_value_of_an_image_is_that_of_scoring_it_alone(seed):
    predicted, true = drawn(seed)
    data = input_of(predicted, true, distances=True)
    for metric_id in IDS:
        each = get_metric(metric_id).per_sample(data)
        if each is None:
            assert "pooled" in metric_id
            continue
        alone = [value(metric_id, data.take(np.array([i]))) for i in range(len(data))]
        np.testing.assert_allclose(each, alone, err_msg=metric_id)


def test_masks_of_different_sizes_are_counted_one_by_one():
    sizes = [(3, 5), (8, 2), (1, 1)]
    rng = np.random.default_rng(0)
    predicted, true = ([rng.random(size) < 0.5 for size in sizes] for _ in range(2))
    data = input_of(predicted, true)
    for i, (p, t) in enumerate(zip(predicted, true, strict=True)):
        found = (data.tp[i], data.fp[i], data.fn[i], data.tn[i])
        assert found == ((p & t).sum(), (p & ~t).sum(), (~p & t).sum(), (~p & ~t).sum())


def made_of(negatives, positives, marked, size, predict):
    """Images of `size` pixels, some with `marked` ones, and a constant prediction."""
    count, true = negatives + positives, np.r_[np.zeros(negatives), np.full(positives, marked)]
    if predict == "empty":
        return MaskInput(np.zeros(count), np.zeros(count), true, size - true)
    return MaskInput(true, size - true, np.zeros(count), np.zeros(count))


@pytest.mark.parametrize(
    ("negatives", "total", "expected"), [(1140, 1260, 90.48), (3101, 4003, 77.47)]
)
def test_never_predicting_anything_is_rewarded_where_empty_counts_one(negatives, total, expected):
    data = made_of(negatives, total - negatives, 5_000, 512 * 512, "empty")
    assert 100 * value("dice-image-empty1", data) == pytest.approx(expected, abs=0.005)
    assert value("dice-image-positives", data) == 0
    assert value("dice-pooled-fg", data) == 0
    assert 100 * value("mdice-pooled-with-bg", data) == pytest.approx(50, abs=0.2)
    assert value("lesion-image-sensitivity", data) == 0
    assert value("lesion-image-specificity", data) == 1


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_floors_are_those_of_the_better_of_an_empty_and_a_full_mask(seed):
    predicted, true = drawn(seed)
    data = input_of(predicted, true, distances=True)
    constants = [input_of(np.full_like(true, v), true, distances=True) for v in (False, True)]
    for metric_id in IDS:
        metric = get_metric(metric_id)
        best = np.nanmax if metric.higher_is_better else np.nanmin
        expected = best([value(metric_id, other) for other in constants])
        assert metric.floor(data) == pytest.approx(expected), metric_id


def test_a_random_prediction_does_not_beat_the_floor_of_dice():
    rng = np.random.default_rng(0)
    true = np.zeros((40, 32, 32), bool)
    true[:8, 4:12, 4:12] = True
    data = input_of(rng.random(true.shape) < 0.5, true)
    for metric_id in ("dice-image-empty1", "dice-image-positives", "mdice-pooled-with-bg"):
        assert value(metric_id, data) <= get_metric(metric_id).floor(data)


def test_a_perfect_prediction_is_perfect_in_every_way():
    _, true = drawn(3)
    scored = score(input_of(true, true, distances=True), IDS, list("aabbccdde"))
    for name, metric in scored.items():
        assert metric.value == (0 if name.startswith("hausdorff") else 1), name
        assert metric.ci95 == (metric.value, metric.value)
        positive = int(true.any((1, 2)).sum())
        looked_at = {
            **dict.fromkeys(("image-positives", "hausdorff95", "image-sensitivity"), positive),
            "image-specificity": 9 - positive,
        }
        n = next((count for part, count in looked_at.items() if part in name), 9)
        marked = 0 if "specificity" in name else positive
        assert (metric.n, metric.n_per_class) == (n, {"background": n, "foreground": marked}), name
    assert scored["hausdorff95-positives"].unit == "pixels"


def test_nothing_counts_where_no_image_is_looked_at():
    none = np.zeros((3, 4, 4), bool)
    scored = score(input_of(none, none), ["dice-image-positives"], replicates=0)
    found = scored["dice-image-positives"]
    assert (found.value, found.n) == (None, 0)
    assert found.n_per_class == {"background": 0, "foreground": 0}
    assert evaluate(get_metric("dice-image-positives"), input_of(none, none)).n == 0


@pytest.mark.parametrize("prefix", ["dice", "iou"])
def test_which_classes_are_averaged_depends_on_the_truth_alone(prefix):
    none, one, every = (np.zeros((2, 8, 8), bool) for _ in range(3))
    one[0, 0, 0], every[:] = True, True
    both = f"m{prefix}-pooled-with-bg"
    for predicted in (none, one, every):
        empty = evaluate(get_metric(both), input_of(predicted, none)).per_class
        assert math.isnan(empty["foreground"])
        assert not math.isnan(empty["background"])
        assert math.isnan(value(f"{prefix}-pooled-fg", input_of(predicted, none)))
        full = evaluate(get_metric(both), input_of(predicted, every)).per_class
        assert math.isnan(full["background"])
        assert not math.isnan(full["foreground"])
        mixed = evaluate(get_metric(both), input_of(predicted, one)).per_class
        assert not any(map(math.isnan, mixed.values()))
    # One false pixel of 128 costs no more than itself.
    expected = {"dice": 2 * 127 / (2 * 127 + 1), "iou": 127 / 128}[prefix]
    assert value(both, input_of(one, none)) == pytest.approx(expected)
    assert value(both, input_of(none, none)) == 1


def test_counts_have_to_fit():
    with pytest.raises(RunError, match="pixel counts"):
        MaskInput(np.ones(2), np.ones(2), np.ones(3), np.ones(2))
    with pytest.raises(RunError, match="pixel counts"):
        MaskInput(*np.zeros((4, 0)))
    assert len(MaskInput.of(masks_of([np.ones((2, 2), bool)], [np.ones((2, 2), bool)]))) == 1
