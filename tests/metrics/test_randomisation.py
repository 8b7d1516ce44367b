"""Approximate randomisation against scipy, enumeration, and what is known of null and power."""

import itertools

import numpy as np
import pytest
from scipy import stats
from two_models import World

from cxrbench.metrics import ClassificationInput, get_metric
from cxrbench.metrics.delong import delong
from cxrbench.metrics.masks import MaskInput
from cxrbench.metrics.paired import paired_draws
from cxrbench.metrics.randomisation import randomisation, swaps

AUROC = "auroc-macro"


def p_of(pairs, groups, metric_id=AUROC, replicates=999, seed=0):
    metrics = {metric_id: get_metric(metric_id)}
    draws, _ = paired_draws(pairs, metrics, groups, 1, seed)
    return randomisation(pairs, metrics, draws, groups, replicates, seed)[metric_id]


def dice(values):
    """Masks whose Dice coefficients are these."""
    values = np.asarray(values, float)
    return MaskInput(values / 2, 1 - values, np.zeros(len(values)) + 0.0, np.full(len(values), 2.0))


def dice_of(data):
    return get_metric("dice-image-empty1").per_sample(data)


def test_a_mean_equals_the_permutation_test_of_scipy():
    """Exchanging within pairs is scipy's `samples`; here all 2^10 exchanges against 20,000."""
    rng = np.random.default_rng(0)
    first, second = dice(rng.random(10)), dice(0.7 * rng.random(10))
    exact = stats.permutation_test(
        (dice_of(first), dice_of(second)),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    found = p_of([(first, second)], None, "dice-image-empty1", replicates=20_000)
    assert 0.02 < exact.pvalue < 0.5
    # The sd of a share of 20,000 draws is below 0.0036.
    assert found.p == pytest.approx(exact.pvalue, abs=0.012)


def test_an_auroc_equals_the_enumeration_of_all_exchanges():
    """Six patients, so 64 exchanges, each mixed and scored by itself on ranks."""
    first, second, patients = World(patients=6, images=3, gap=1.0, squashed=True).draw(1)
    metric = get_metric(AUROC)
    ranks = [stats.rankdata(side.scores[:, 0]) / 100 for side in (first, second)]
    names = sorted(set(patients))

    def gap(swapped):
        mixed = np.where(np.isin(patients, swapped), ranks[::-1], ranks)
        sides = [ClassificationInput(m[:, None], first.labels, ["c0"]) for m in mixed]
        one, other = (metric.per_class(side)[0, 0] for side in sides)
        return one - other

    subsets = itertools.chain.from_iterable(itertools.combinations(names, k) for k in range(7))
    gaps = np.array([gap(subset) for subset in subsets])
    exact = (np.abs(gaps) >= abs(gap(())) - 1e-12).mean()
    found = p_of([(first, second)], patients, replicates=20_000)
    assert 0.03 < exact < 0.9
    assert found.p == pytest.approx(exact, abs=0.012)
    assert found.by_name == (found.p,)


def test_p_counts_the_observed_exchange_too():
    first, second, patients = World(gap=6.0).draw(0)
    assert p_of([(first, second)], patients, replicates=99).p == 1 / 100
    assert p_of([(second, first)], patients, replicates=99).p == 1 / 100
    assert p_of([(first, first)], patients, replicates=99).p == 1


def test_nothing_drawn_is_no_p():
    first, second, patients = World().draw(0)
    assert p_of([(first, second)], patients, replicates=0).p is None


def test_all_images_of_a_patient_are_exchanged_together_in_any_order():
    groups = ["b", "a", "b", "c", "a"]
    drawn = np.concatenate(list(swaps(groups, 200, seed=1)))
    assert drawn.shape == (200, 5)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, 1] == drawn[:, 4]).all()
    assert len(np.unique(drawn, axis=0)) == 8
    order = [3, 0, 4, 2, 1]
    again = np.concatenate(list(swaps([groups[i] for i in order], 200, seed=1)))
    np.testing.assert_array_equal(again, drawn[:, order])


def test_seeds_are_exchanged_together():
    """Three equal seeds tell as much as one of them, not three times as much."""
    first, second, patients = World(gap=0.6).draw(3)
    one = p_of([(first, second)], patients)
    assert p_of([(first, second)] * 3, patients) == one
    copies = [
        tuple(ClassificationInput(s.scores, s.labels, s.names) for s in (first, second))
        for _ in range(3)
    ]
    assert p_of(copies, patients) == one
    assert 0.01 < one.p < 0.9


def test_weights_of_seeds_that_differ_in_one_model_alone():
    """A model without a seed of its own against one with: the mean over both pairs."""
    first, second, patients = World(gap=0.8).draw(4)
    other = ClassificationInput(second.scores**2 / 2, first.labels, first.names)
    found = p_of([(first, second), (first, other)], patients)
    assert found.p == p_of([(first, second)], patients).p  # the same ranks


@pytest.fixture(scope="module")
def null():
    """p of 250 comparisons of models that are alike but for their scale, by three tests."""
    found = {"randomisation": [], "bootstrap": [], "delong": [], "images": []}
    metrics = {AUROC: get_metric(AUROC)}
    for seed in range(250):
        first, second, patients = World(patients=30, images=3, squashed=True).draw(seed)
        pairs = [(first, second)]
        draws, _ = paired_draws(pairs, metrics, patients, 99, seed)
        for name, groups in (("randomisation", patients), ("images", None)):
            test = randomisation(pairs, metrics, draws, groups, 99, seed)[AUROC]
            found[name].append(test.p)
        found["bootstrap"].append(draws[AUROC].p)
        found["delong"].append(delong(pairs, patients)[0].p)
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("name", ["randomisation", "bootstrap", "delong"])
def test_p_of_models_that_are_alike_is_uniform(null, name):
    """With 99 replicates p lies on a grid of 0.01, far below what 250 worlds can tell."""
    assert stats.kstest(null[name], "uniform").pvalue > 0.001
    # The sd of a share of 250 at 5 % is 1.4 %.
    assert 0.01 < (null[name] <= 0.05).mean() < 0.095


def test_p_of_images_taken_for_patients_is_not(null):
    """Three images of a patient are much alike: most of the evidence is counted three times."""
    assert (null["images"] <= 0.05).mean() > 0.13
    assert stats.kstest(null["images"], "uniform").pvalue < 0.001


def test_a_true_difference_is_found_as_often_as_expected():
    """Power at 5 %, from the spread of DeLong's statistic over worlds, and of the test itself."""
    gaps, errors, found = [], [], []
    for seed in range(120):
        first, second, patients = World(gap=1.0, squashed=True).draw(10_000 + seed)
        one, _ = delong([(first, second)], patients)
        gaps.append(one.difference)
        errors.append(one.se)
        found.append(p_of([(first, second)], patients, replicates=99, seed=seed).p)
    z = np.mean(gaps) / np.mean(errors)
    expected = stats.norm.sf(1.96 - z) + stats.norm.cdf(-1.96 - z)
    assert 0.3 < expected < 0.8
    # The sd of a share of 120 is below 4.6 %.
    assert (np.array(found) <= 0.05).mean() == pytest.approx(expected, abs=0.13)


def test_scores_as_they_stand_would_find_less():
    """Why ranks are exchanged: mixing two scales hides the very difference that is tested."""
    first, second, patients = World(gap=2.0, squashed=True).draw(2)
    metrics = {AUROC: get_metric(AUROC)}
    draws, _ = paired_draws([(first, second)], metrics, patients, 1)

    class AsTheyStand(type(metrics[AUROC])):
        def exchangeable(self, data):
            return data

    facts = {"id": AUROC, "summary": "", "formula": "", "source": ""}
    raw = randomisation([(first, second)], {AUROC: AsTheyStand(**facts)}, draws, patients, 999)[
        AUROC
    ].p
    assert p_of([(first, second)], patients).p < 0.05 < raw
