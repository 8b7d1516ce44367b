"""Two models compared: intervals, effects, labels, seeds and clusters."""

import numpy as np
import pytest
from scipy import stats
from two_models import World

from cxrbench.errors import BadRequest, DataError
from cxrbench.metrics import ClassificationInput
from cxrbench.metrics.masks import MaskInput
from cxrbench.metrics.paired import holm, holm_known
from cxrbench.metrics.significance import significance, standardised

AUROC, BRIER = "auroc-macro", "brier-macro"


def compared(pairs, patients, metric_id=AUROC, replicates=500, seed=0):
    return significance(pairs, [metric_id], patients, replicates, seed)[metric_id]


def repeated(side, times):
    return ClassificationInput(
        np.repeat(side.scores, times, axis=0), np.repeat(side.labels, times, axis=0), side.names
    )


def test_the_interval_of_a_mean_is_scipys_paired_bootstrap():
    first, second, _ = World(patients=80, images=1, gap=0.5).draw(0)
    patients = [str(i) for i in range(80)]
    errors = [np.square(side.scores - side.labels)[:, 0] for side in (first, second)]
    expected = stats.bootstrap(
        errors,
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    )
    found = compared([(first, second)], patients, BRIER, replicates=20_000)
    assert found.difference == pytest.approx(np.mean(errors[0] - errors[1]))
    # Either bound varies by about 1.2 % of the standard error from draw to draw.
    assert found.ci95 == pytest.approx(expected.confidence_interval, abs=0.1 * found.se)
    assert found.se == pytest.approx(expected.standard_error, rel=0.05)
    assert found.higher_is_better is False


def test_the_effect_of_a_mean_over_patients_is_cohens_d_of_paired_values():
    first, second, _ = World(patients=200, images=1, gap=0.5).draw(1)
    gaps = np.square(first.scores - first.labels) - np.square(second.scores - second.labels)
    d = gaps.mean() / gaps.std(ddof=1)
    found = compared([(first, second)], [str(i) for i in range(200)], BRIER, replicates=4000)
    assert found.effect == pytest.approx(d, rel=0.05)
    low, high = found.effect_ci95
    assert low < found.effect < high
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(200), rel=0.1)


def test_the_effect_does_not_grow_with_the_number_of_patients():
    small, large = (
        compared([World(patients=n, gap=0.8).draw(3)[:2]], World(patients=n).draw(3)[2])
        for n in (150, 600)
    )
    assert small.effect == pytest.approx(large.effect, abs=0.2)
    assert small.se > 1.6 * large.se
    assert standardised(0.1, 0.0, 9) is None


def test_images_that_are_repeated_add_nothing():
    """Each image five times over: the same patients, so the same interval and the same p."""
    first, second, patients = World(gap=0.8).draw(4)
    once = compared([(first, second)], patients)
    five = [repeated(side, 5) for side in (first, second)]
    often = compared([tuple(five)], [p for p in patients for _ in range(5)])
    assert often.ci95 == pytest.approx(once.ci95)
    assert often.p == once.p
    assert often.delong.se == pytest.approx(once.delong.se)
    assert often.effect == pytest.approx(once.effect)
    assert (often.n, often.groups) == (5 * once.n, once.groups)
    # Taken for images of their own they would feign five times the evidence.
    alone = compared([tuple(five)], [str(i) for i in range(len(five[0]))])
    assert alone.se < 0.6 * often.se


def test_intervals_cover_the_true_difference():
    """95 % of 120 worlds, of which the sd is 2 %; the truth is that of a very large world."""
    world = World(patients=60, gap=1.0)
    truth = np.mean([compared_difference(World(patients=4000, gap=1.0), s) for s in range(3)])
    covered = []
    for seed in range(120):
        first, second, patients = world.draw(seed)
        low, high = compared([(first, second)], patients, replicates=199, seed=seed).ci95
        covered.append(low <= truth <= high)
    assert 0.88 <= np.mean(covered) <= 0.99


def compared_difference(world, seed):
    first, second, _ = world.draw(seed)
    ranks = [stats.rankdata(side.scores[:, 0]) for side in (first, second)]
    ill = first.labels[:, 0] == 1
    sums = [r[ill].sum() - ill.sum() * (ill.sum() + 1) / 2 for r in ranks]
    return (sums[0] - sums[1]) / (ill.sum() * (~ill).sum())


def test_the_three_tests_agree_on_what_is_clear_and_what_is_not():
    for gap, seed in ((0.0, 5), (3.0, 6)):
        first, second, patients = World(patients=150, labels=3, gap=gap).draw(seed)
        found = compared([(first, second)], patients)
        for p in (found.p, found.p_bootstrap, found.delong.p):
            assert (p < 0.01) == (gap > 0)
        assert found.delong.difference == pytest.approx(found.difference)
        assert found.delong.se == pytest.approx(found.se, rel=0.15)
        assert found.delong.ci95 == pytest.approx(found.ci95, abs=0.6 * found.se)


def test_labels_are_compared_each_and_adjusted_among_themselves():
    first, second, patients = World(labels=3, gap=1.5).draw(7)
    labels = first.labels.copy()
    labels[:, 2] = np.nan  # nobody knows it
    sides = [ClassificationInput(side.scores, labels, side.names) for side in (first, second)]
    found = compared([tuple(sides)], patients)
    assert list(found.by_label) == ["c0", "c1", "c2"]
    for c, name in enumerate(["c0", "c1"]):
        alone = [ClassificationInput(s.scores[:, [c]], labels[:, [c]], [name]) for s in sides]
        one = compared([tuple(alone)], patients)
        label = found.by_label[name]
        assert label.difference == pytest.approx(one.difference)
        assert label.ci95 == pytest.approx(one.ci95)
        assert (label.p, label.delong) == (one.p, one.delong)
    known = [found.by_label[name].p for name in ("c0", "c1")]
    assert [found.by_label[name].p_holm for name in ("c0", "c1")] == holm(known)
    missing = found.by_label["c2"]
    assert (missing.difference, missing.ci95, missing.p, missing.delong) == (None,) * 4
    assert found.difference == pytest.approx(
        np.mean([found.by_label[name].difference for name in ("c0", "c1")])
    )


def test_values_are_means_over_seeds():
    worlds = [World(gap=1.0).draw(seed) for seed in (8, 9)]
    labels, patients = worlds[0][0].labels, worlds[0][2]
    pairs = [
        tuple(ClassificationInput(side.scores, labels, side.names) for side in world[:2])
        for world in worlds
    ]
    found = compared(pairs, patients)
    alone = [compared([pair], patients) for pair in pairs]
    assert found.first == pytest.approx(np.mean([one.first for one in alone]))
    assert found.by_seed == pytest.approx([one.difference for one in alone])
    assert found.difference == pytest.approx(np.mean(found.by_seed))
    # Every replicate is the mean of those of the seeds, so the interval is no wider than theirs.
    assert found.se < max(one.se for one in alone)


def test_what_the_seed_changes_nothing_of_is_as_one_seed():
    first, second, patients = World(gap=0.7).draw(10)
    one = compared([(first, second)], patients)
    three = compared([(first, second)] * 3, patients)
    assert three.by_seed == [one.difference] * 3
    assert three.ci95 == pytest.approx(one.ci95)
    assert three.p == one.p
    assert three.delong.se == pytest.approx(one.delong.se)


def test_rare_labels_leave_out_replicates_but_not_exchanges():
    """Positives of one patient alone: a third of the replicates lack that patient."""
    first, second, patients = World(gap=1.0).draw(11)
    labels = np.array([[float(patient == "p005")] for patient in patients])
    sides = [ClassificationInput(side.scores, labels, side.names) for side in (first, second)]
    found = compared([tuple(sides)], patients, replicates=600)
    assert 0.3 < found.undefined_replicates / 600 < 0.45
    assert found.ci95 is not None
    assert found.p > 0.2  # which of two models one patient is given to: p is about a half
    assert found.delong is None


def test_one_patient_has_neither_interval_nor_p():
    first, second, _ = World().draw(12)
    found = compared([(first, second)], ["p"] * len(first))
    assert found.difference is not None
    assert (found.ci95, found.se, found.effect, found.p, found.p_bootstrap) == (None,) * 5


def test_an_undefined_metric_says_so():
    first, second, patients = World().draw(13)
    labels = np.zeros_like(first.labels)
    sides = [ClassificationInput(side.scores, labels, side.names) for side in (first, second)]
    found = compared([tuple(sides)], patients)
    assert (found.difference, found.ci95, found.p) == (None, None, None)
    assert found.reason == "the metric is undefined on these samples"


def test_masks_have_no_delong_and_pooled_metrics_no_labels():
    rng = np.random.default_rng(0)
    sides = [MaskInput(*rng.dirichlet([2, 1, 1, 9], size=30).T) for _ in range(2)]
    found = compared([tuple(sides)], [str(i // 2) for i in range(30)], "dice-pooled-fg")
    assert found.delong is None
    assert found.by_label == {}
    assert 0 < found.p <= 1
    assert found.ci95[0] < found.difference < found.ci95[1]


def test_what_does_not_fit_is_refused():
    first, second, patients = World().draw(0)
    with pytest.raises(BadRequest, match="dice-pooled-fg is not defined here"):
        compared([(first, second)], patients, "dice-pooled-fg")
    with pytest.raises(DataError, match="cannot be compared"):
        compared([(first, second.take(np.arange(5)))], patients)
    with pytest.raises(DataError, match="cannot be compared"):
        compared([(first, second)], patients[:-1])


def test_the_same_draws_whatever_the_order_of_the_samples():
    first, second, patients = World(gap=0.5, labels=2).draw(14)
    order = np.random.default_rng(0).permutation(len(patients))
    turned = compared([(first.take(order), second.take(order))], [patients[row] for row in order])
    found = compared([(first, second)], patients)
    assert turned.ci95 == pytest.approx(found.ci95)
    assert turned.p == found.p


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 30):
        p_values = (rng.random(size) ** 3).round(2).tolist()
        expected = multitest.multipletests(p_values, method="holm")[1]
        assert holm(p_values) == pytest.approx(expected.tolist())


def test_holm_skips_what_has_no_p():
    assert holm_known([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm_known([None]) == [None]
