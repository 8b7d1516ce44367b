"""Dice scores against counting pixel by pixel, and what empty masks count for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.metrics.dice import dice_per_image, dice_pooled

seeds = st.integers(0, 2**20)


def drawn(seed, images=6):
    """Probabilities on a coarse grid that holds the threshold, and masks, some of them empty."""
    rng = np.random.default_rng(seed)
    masks = (rng.random((images, 3, 4)) < 0.4) * (rng.random((images, 1, 1)) < 0.6)
    return rng.integers(0, 5, (images, 3, 4)) / 4 * (rng.random((images, 1, 1)) < 0.8), masks


def counted(probabilities, mask, predicted):
    """True positives, false positives, false negatives."""
    found = [0, 0, 0]
    for p, t in zip(probabilities.ravel(), mask.ravel(), strict=True):
        if predicted(p):
            found[0 if t else 1] += 1
        elif t:
            found[2] += 1
    return found


@given(seeds, st.sampled_from([0.25, 0.5, 0.6]), st.booleans())
def test_dice_of_each_image(seed, threshold, strict):
    probabilities, masks = drawn(seed)
    expected = []
    for p, mask in zip(probabilities, masks, strict=True):
        tp, fp, fn = counted(p, mask, lambda v: v > threshold or (v == threshold and not strict))
        if mask.any():
            expected.append(2 * tp / (2 * tp + fp + fn))
        else:
            expected.append(0.0 if fp else 1.0)
    found = dice_per_image(probabilities, masks, threshold, strict=strict)
    assert found.tolist() == pytest.approx(expected)


@given(seeds)
def test_dice_of_all_pixels(seed):
    probabilities, masks = drawn(seed)
    tp, fp, fn = counted(probabilities, masks, lambda v: v >= 0.5)
    found = dice_pooled(probabilities, masks)
    if tp + fp + fn:
        assert found == pytest.approx(2 * tp / (2 * tp + fp + fn))
    else:
        assert math.isnan(found)


def test_nothing_predicted_where_nothing_is_counts_for_an_image_and_not_for_the_pixels():
    masks = np.zeros((3, 2, 2))
    masks[0, 0] = 1
    sure = masks.copy()
    assert dice_per_image(sure, masks).tolist() == [1, 1, 1]
    assert dice_pooled(sure, masks) == 1
    sure[1, 1, 1] = 0.5
    assert dice_per_image(sure, masks).tolist() == [1, 0, 1]
    assert dice_per_image(sure, masks, strict=True).tolist() == [1, 1, 1]
    assert dice_pooled(sure, masks) == pytest.approx(0.8)
    assert math.isnan(dice_pooled(np.zeros((2, 3)), np.zeros((2, 3))))
