"""Rows of readings, and how predictions of them are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrbench.data.records import Gaze, Utterance
from cxrbench.data.samples import Sample
from cxrbench.explain.readings import Rows, mean_heat, rows, scores, spoken, was_read
from cxrbench.gaze.metrics import correlation, kl_divergence, mean_score
from cxrbench.image_spec import ImageSpec

SPEC = ImageSpec(size=(40, 40), resize="squash", mean=(0, 0, 0), std=(1, 1, 1))
GRID = (2, 2)


def sample(key, *points, sentences=1):
    """Each point is looked at for a second; each sentence is said in the second it is looked at."""
    fixations = np.array([(x, y, n, n + 1) for n, (x, y) in enumerate(points)], float)
    said = tuple(Utterance(f"{key}{n}", n, n + 1) for n in range(sentences))
    gaze = (Gaze("g", fixations.reshape(-1, 4), said),)
    return Sample(key, key, Path("x"), shape=(40, 40), gaze=gaze)


def made(heat, whole):
    heat = np.asarray(heat, float).reshape(-1, *GRID)
    count = len(heat)
    return Rows(tuple(range(count)), ("",) * count, np.array(whole), heat, heat)


def test_every_sentence_and_the_whole_of_every_image():
    found = rows([sample("a", (10, 10), (30, 30), sentences=2), sample("b", (30, 10))], SPEC, GRID)
    assert found.images == (0, 0, 0, 1, 1)
    assert found.texts == ("a0", "a1", "a0 a1", "b0", "b0")
    assert found.whole.tolist() == [False, False, True, False, True]
    assert found.heat[3].argmax() == 1
    np.testing.assert_allclose(found.heat[2].ravel(), [1, 0, 0, 1], atol=0.01)
    np.testing.assert_array_equal(found.fixations[2].ravel(), [1, 0, 0, 1])
    assert list(found.texts[:3]) == spoken(sample("a", (10, 10), (30, 30), sentences=2))


def test_rows_without_a_fixation_are_cold():
    found = rows([sample("a", (90, 90), (10, 10), sentences=2)], SPEC, GRID)
    warm = found.keep(found.warm)
    assert len(found) == 3
    assert "a0" not in found.keep(np.array([False, True, True])).texts
    assert set(warm.texts) <= {"a0", "a1", "a0 a1"}
    assert (warm.heat.sum((1, 2)) > 0).all()


def test_words_and_fixations_make_a_reading():
    assert was_read(sample("a", (1, 1)))
    assert not was_read(sample("a"))
    assert not was_read(sample("a", (1, 1), sentences=0))
    assert not was_read(Sample("a", "a", Path("x")))


def test_scores_are_those_of_the_metrics():
    told = made([[1, 2, 3, 4], [0, 0, 1, 0]], [False, True])
    predicted = np.array([[4, 3, 2, 1], [1, 1, 1, 1]], float).reshape(-1, *GRID)
    found = scores(predicted, told)
    assert found["gaze-cc"][0] == pytest.approx(-1)
    assert np.isnan(found["gaze-cc"][1])
    flat = predicted.reshape(2, 4), told.heat.reshape(2, 4)
    np.testing.assert_array_equal(found["gaze-kl"], kl_divergence(*flat))
    np.testing.assert_array_equal(found["gaze-cc"], correlation(*flat))
    assert mean_score(found["gaze-cc"]) == pytest.approx(-1)
    assert np.isnan(mean_score(found["gaze-cc"][1:]))


def test_the_floor_expects_the_mean_of_its_kind():
    train = made([[2, 0, 0, 0], [0, 0, 0, 8], [0, 3, 0, 0], [0, 0, 0, 0]],
                 [False, False, True, False])  # fmt: skip
    told = made([[1, 1, 1, 1], [1, 1, 1, 1]], [True, False])
    guess = mean_heat(train, told)
    np.testing.assert_allclose(guess.reshape(2, 4), [[0, 1, 0, 0], [0.5, 0, 0, 0.5]])
    assert mean_heat(train.keep(~train.whole), told) is None
