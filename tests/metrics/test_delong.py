"""DeLong's test against a published example, its definition, and resampling."""

import math
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from two_models import World

from cxrbench.metrics import ClassificationInput
from cxrbench.metrics.delong import delong, influence

# Albumin, total protein, K-G score (low is good) and whether surgery helped, of 43 of the patients
# of DeLong et al. 1988, as printed in the example "Comparing Receiver Operating Characteristic
# Curves" of PROC LOGISTIC in the SAS/STAT user's guide.
OVARIAN = np.loadtxt(StringIO("""
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
""".replace("\n", " ")), ndmin=1).reshape(-1, 4)  # fmt: skip


def data(scores, labels):
    scores, labels = (np.asarray(side, float).reshape(len(side), -1) for side in (scores, labels))
    return ClassificationInput(scores, labels, [f"c{i}" for i in range(scores.shape[1])])


def slow(first, second, labels):
    """Variance and difference by the definition: every pair of a positive and a negative."""
    areas, of_positives, of_negatives = [], [], []
    for scores in (first, second):
        gap = scores[labels == 1][:, None] - scores[labels == 0][None, :]
        wins = (gap > 0) + 0.5 * (gap == 0)
        areas.append(wins.mean())
        of_positives.append(wins.mean(axis=1))
        of_negatives.append(wins.mean(axis=0))
    contrast = np.array([1, -1])
    parts = [np.cov(sides) / len(sides[0]) for sides in (of_positives, of_negatives)]
    return areas[0] - areas[1], float(contrast @ (parts[0] + parts[1]) @ contrast)


def obuchowski(scores, labels, groups):
    """Variance of one AUROC of clustered data, formulae of Obuchowski 1997."""
    gap = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    wins = (gap > 0) + 0.5 * (gap == 0)
    area, (m, n) = wins.mean(), wins.shape
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    s10, s01, s11 = 0.0, 0.0, 0.0
    names = sorted(set(groups))
    i10 = len(set(groups[labels == 1]))
    i01 = len(set(groups[labels == 0]))
    for name in names:
        ill, well = groups[labels == 1] == name, groups[labels == 0] == name
        x, y = v10[ill].sum() - ill.sum() * area, v01[well].sum() - well.sum() * area
        s10, s01, s11 = s10 + x * x, s01 + y * y, s11 + x * y
    s10 *= i10 / ((i10 - 1) * m)
    s01 *= i01 / ((i01 - 1) * n)
    s11 *= len(names) / (len(names) - 1)
    return area, s10 / m + s01 / n + 2 * s11 / (m * n)


def test_the_published_example():
    """Areas and standard errors as the guide prints them; the contrasts by the definition."""
    scores, truth = OVARIAN[:, :3] * [1, 1, -1], OVARIAN[:, 3]
    member = np.arange(len(truth))
    alone = [influence(column, truth, member, len(truth)) for column in scores.T]
    errors = [math.sqrt(np.square(one.by_group).sum()) for one in alone]
    printed = [(round(one.value, 4), round(se, 4)) for one, se in zip(alone, errors, strict=True)]
    assert printed[:2] == [(0.7366, 0.0927), (0.6478, 0.1000)]
    albumin, protein, kg = (data(c, truth) for c in (stats.rankdata(scores, axis=0) / 100).T)
    for first, column in ((albumin, 0), (protein, 1)):
        found, _ = delong([(first, kg)])
        gap, variance = slow(scores[:, column], scores[:, 2], truth)
        assert (found.difference, found.se) == pytest.approx((gap, math.sqrt(variance)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 30), st.integers(2, 9))
def test_one_label_equals_the_definition(seed, n, levels):
    """Few levels make many ties."""
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 0, 1, 1, rng.integers(2, size=n - 4)].astype(float)
    first, second = rng.integers(levels, size=(2, n)) / levels
    gap, variance = slow(first, second, labels)
    found, (one,) = delong([(data(first, labels), data(second, labels))])
    if variance < 1e-12:
        assert found is None or found.se == pytest.approx(0, abs=1e-6)
        return
    assert found == one
    assert found.difference == pytest.approx(gap, abs=1e-12)
    assert found.se**2 == pytest.approx(variance)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(gap) / math.sqrt(variance)))
    assert found.ci95 == pytest.approx(stats.norm.interval(0.95, gap, math.sqrt(variance)))
    areas = [roc_auc_score(labels, side) for side in (first, second)]
    assert found.difference == pytest.approx(areas[0] - areas[1])


def test_clusters_equal_the_formulae_of_obuchowski():
    """But for the cross term, whose factor is I/(I-1) there and the mean of two such here."""
    rng = np.random.default_rng(3)
    groups = rng.integers(200, size=500)
    ill = rng.random(200) < 0.4
    labels = (ill[groups] ^ (rng.random(500) < 0.1)).astype(float)
    scores = 2 * rng.normal(size=200)[groups] + rng.normal(size=500) + labels
    names, member = np.unique(groups, return_inverse=True)
    found = influence(scores, labels, member, len(names))
    area, variance = obuchowski(scores, labels, groups)
    assert found.value == pytest.approx(area)
    assert np.square(found.by_group).sum() == pytest.approx(variance, rel=2e-3)
    alone = influence(scores, labels, np.arange(500), 500)
    assert variance > 1.3 * np.square(alone.by_group).sum()


def test_a_macro_area_uses_the_covariances_of_labels():
    first, second, patients = World(patients=60, labels=4).draw(0)
    found, each = delong([(first, second)], patients)
    assert found.difference == pytest.approx(np.mean([one.difference for one in each]))
    names, member = np.unique(patients, return_inverse=True)
    columns = [
        influence(a, y, member, len(names)).by_group - influence(b, y, member, len(names)).by_group
        for a, b, y in zip(first.scores.T, second.scores.T, first.labels.T, strict=True)
    ]
    covariance = np.array(columns) @ np.array(columns).T
    assert found.se**2 == pytest.approx(covariance.sum() / 16)


def test_seeds_are_averaged_patient_by_patient():
    first, second, patients = World().draw(1)
    other, _, _ = World().draw(2)
    one, _ = delong([(first, second)], patients)
    assert delong([(first, second)] * 3, patients)[0].se == pytest.approx(one.se)
    # A second seed with independent errors of its own: the mean of both varies less.
    seeds = [(first, second), (data(other.scores, first.labels), second)]
    gaps = [delong([pair], patients)[0].difference for pair in seeds]
    assert delong(seeds, patients)[0].difference == pytest.approx(np.mean(gaps))


def test_pooled_areas_are_those_of_all_pairs_in_one_ranking():
    first, second, patients = World(labels=3).draw(4)
    found, each = delong([(first, second)], patients, pooled=True)
    areas = [roc_auc_score(first.labels.ravel(), s.scores.ravel()) for s in (first, second)]
    assert found.difference == pytest.approx(areas[0] - areas[1])
    assert each == ()
    flat = [data(side.scores.ravel(), side.labels.ravel()) for side in (first, second)]
    assert found == delong([tuple(flat)], [p for p in patients for _ in range(3)])[0]


def test_unknown_labels_are_left_out():
    rng = np.random.default_rng(0)
    labels = np.r_[np.zeros(20), np.ones(15), np.full(10, np.nan)]
    first, second = rng.random((2, 45))
    whole, _ = delong([(data(first, labels), data(second, labels))])
    known, _ = delong(
        [(data(first[:35], labels[:35]), data(second[:35], labels[:35]))],
        [str(i) for i in range(35)],
    )
    assert whole.se == pytest.approx(known.se)
    assert whole.difference == pytest.approx(known.difference)


def test_what_one_patient_alone_has_tells_nothing_of_how_patients_vary():
    first, second, patients = World(labels=2).draw(5)
    labels = first.labels.copy()
    labels[:, 1] = [patient == "p000" for patient in patients]
    sides = [data(side.scores, labels) for side in (first, second)]
    found, each = delong([tuple(sides)], patients)
    assert found is None
    assert each[0] is not None
    assert each[1] is None
    labels[:, 1] = 0  # then the label has no AUROC at all, and the mean is that of the other
    sides = [data(side.scores, labels) for side in (first, second)]
    found, each = delong([tuple(sides)], patients)
    assert (found, each[1]) == (each[0], None)


def test_equal_rankings_do_not_differ():
    first, _, patients = World().draw(6)
    squared = ClassificationInput(first.scores**2, first.labels, first.names)
    found, _ = delong([(first, squared)], patients)
    assert (found.difference, found.se, found.p) == (0, 0, 1)
