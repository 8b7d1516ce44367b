"""Groups and neighbours of t-SNE, and similarities with other reports."""

from __future__ import annotations

import numpy as np
import pytest

from cxrbench.explain import tsne
from cxrbench.explain.context import mean_of_others
from cxrbench.explain.tsne import NONE, groups, neighbours

NAN = float("nan")


def named(labels, names="abc"):
    found, group = groups(np.array(labels, np.float32), list(names))
    return [found[number] if number >= 0 else None for number in group]


def test_an_image_is_coloured_by_its_only_label(monkeypatch):
    monkeypatch.setattr(tsne, "_FEWEST", 3)
    labels = [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, NAN, 0], [0, 1, NAN], [0, 0, 1]]
    assert named(labels) == ["b", None, NONE, None, "b", "c"]
    assert groups(np.array(labels, np.float32), list("abc"))[0] == ["b", "c", NONE]


def test_or_by_its_most_frequent_where_few_have_one_only():
    labels = [[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 1, 0], [1, 0, 1]]
    assert named(labels) == ["b", "b", "b", "b", "a"]


def test_images_without_a_label_do_not_drown_the_others():
    labels = np.zeros((100, 2), np.float32)
    labels[:12, 1] = 1
    found, group = groups(labels, ["a", "b"])
    assert found == ["b", NONE]
    assert np.bincount(group[group >= 0]).tolist() == [12, 36]


def test_few_colours_are_told_apart():
    labels = np.eye(12, dtype=np.float32)
    found, group = groups(np.concatenate([labels, labels[:9]]), [str(n) for n in range(12)])
    assert found == ["0", "1", "2", "3", "4", "5", "6"]
    assert (group < 0).sum() == 5 + 2


def test_neighbours_of_other_patients_count():
    # Two clusters of one label each; the nearest image of all is one of the same patient.
    features = np.array([[0.0], [0.001], [1], [2], [100], [101], [102]])
    group = np.array([0, 0, 0, 0, 1, 1, 1])
    patients = list("aabcdef")
    agreeing, chance = neighbours(features, group, patients)
    pairs = [(i, j) for i in range(7) for j in range(7) if patients[i] != patients[j]]
    assert chance == pytest.approx(np.mean([group[i] == group[j] for i, j in pairs]))
    hits = []
    for i in range(7):
        others = sorted((abs(features[i, 0] - features[j, 0]), j) for a, j in pairs if a == i)
        hits += [group[i] == group[j] for _, j in others[:5]]
    assert agreeing == pytest.approx(np.mean(hits))


def test_one_patient_has_no_neighbours():
    assert np.isnan(neighbours(np.zeros((3, 2)), np.zeros(3, int), ["a"] * 3)).all()


def test_reports_of_the_same_study_are_no_others():
    images = np.array([[1, 0], [0, 1], [1, 0]], float)
    reports = np.array([[1, 0], [1, 0], [0, 1]], float)
    assert mean_of_others(images, reports, ["s", "s", "t"]) == pytest.approx((0 + 1 + 1 + 1) / 4)
    assert np.isnan(mean_of_others(images, reports, ["s"] * 3))
