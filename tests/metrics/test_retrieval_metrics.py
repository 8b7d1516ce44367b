"""Retrieval metrics against libraries, by hand, and against every order of equal candidates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score
from torchmetrics.functional import retrieval as oracle

from cxrbench.errors import BadRequest, DataError, RunError
from cxrbench.metrics import ClassificationInput, get_metric, metric_ids, score
from cxrbench.metrics.retrieval_inputs import RetrievalInput, shuffled_batches

IDS = [i for i in metric_ids() if get_metric(i).input_type is RetrievalInput]
MEANS = [i for i in IDS if "median-rank" not in i]
CLASSES = 3


def make(values, groups, **rest):
    labels = np.eye(CLASSES)[np.asarray(groups)]
    return RetrievalInput(np.asarray(values, np.float32), labels, list("abc"), **rest)


def random(n=30, seed=0, **rest):
    rng = np.random.default_rng(seed)
    return make(rng.normal(size=(n, n)), rng.integers(0, CLASSES, n), **rest)


def value(metric_id, data, weights=None):
    return float(get_metric(metric_id).per_class(data, weights)[0, 0])


def rankings(metric_id, data):
    """Scores and relevance of each query, as told by the id."""
    n = len(data.values)
    scores = data.values if metric_id.startswith("i2t") else data.values.T
    alike = (data.labels[:, None] == data.labels[None]).all(-1)
    for query in data.asking:
        own = np.arange(n) == query
        if data.studies is not None and data.studies[query] is not None:
            own = np.array([study == data.studies[query] for study in data.studies])
        if "pair" in metric_id:
            yield scores[query], own
        elif metric_id.endswith("-no-own"):
            yield scores[query][~own], alike[query][~own]
        else:
            yield scores[query], alike[query]


def worth(metric_id, relevant):
    """Of one ranking, best first; by the definition."""
    k = int(metric_id.removesuffix("-no-own").partition("@")[2] or 0)
    found = np.flatnonzero(relevant)
    if not len(found):
        return np.nan
    if "precision" in metric_id:
        return (found < k).sum() / k
    if "recall" in metric_id:
        return (found < k).sum() / len(found)
    if "hit" in metric_id:
        return float(found[0] < k)
    if "mrr" in metric_id:
        return 1 / (found[0] + 1)
    if "ndcg" in metric_id:
        gains = 1 / np.log2(np.arange(2, len(relevant) + 2))
        return gains[found[found < k]].sum() / gains[: min(len(found), k)].sum()
    return found[0] + 1.0


def all_orders(metric_id, data):
    """For each query the worth under every order in which equals may stand."""
    for scores, relevant in rankings(metric_id, data):
        orders = itertools.permutations(range(len(scores)))
        yield [worth(metric_id, relevant[np.lexsort((order, -scores))]) for order in orders]


def test_there_are_54_ids_for_both_directions():
    assert len(IDS) == 54
    assert sum(i.startswith("i2t-") for i in IDS) == sum(i.startswith("t2i-") for i in IDS) == 27


@pytest.mark.parametrize("metric_id", IDS)
def test_without_ties_it_is_the_definition(metric_id):
    data = random()
    each = [worth(metric_id, r[np.argsort(-s)]) for s, r in rankings(metric_id, data)]
    expected = np.median(each) if "median" in metric_id else np.mean(each)
    assert value(metric_id, data) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(get_metric(metric_id).per_sample(data), each, atol=1e-12)


ORACLES = {
    "precision": lambda s, r, k: oracle.retrieval_precision(s, r, top_k=k),
    "hit": lambda s, r, k: oracle.retrieval_hit_rate(s, r, top_k=k),
    "recall": lambda s, r, k: oracle.retrieval_recall(s, r, top_k=k),
    "mrr": lambda s, r, k: oracle.retrieval_reciprocal_rank(s, r),
    "ndcg": lambda s, r, k: ndcg_score(r[None].numpy(), s[None].numpy(), k=k),
}


@pytest.mark.parametrize("metric_id", MEANS)
def test_libraries_agree(metric_id):
    data = random(seed=1)
    name = next(name for name in ORACLES if name in metric_id)
    k = int(metric_id.removesuffix("-no-own").partition("@")[2] or 0)
    each = [  # torchmetrics takes a score that is not positive for irrelevant
        float(ORACLES[name](torch.tensor(s.astype(float) + 10), torch.tensor(r), k))
        for s, r in rankings(metric_id, data)
    ]
    assert value(metric_id, data) == pytest.approx(np.mean(each), abs=1e-6)


def test_ndcg_of_ties_is_that_of_scikit_learn():
    values = np.round(np.random.default_rng(0).random((20, 20)) * 3)
    data = make(values, np.arange(20) % 3)
    pairs = list(rankings("i2t-ndcg@10", data))
    expected = np.mean([ndcg_score(r[None], s[None], k=10) for s, r in pairs])
    assert value("i2t-ndcg@10", data) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric_id", IDS)
@settings(max_examples=8, deadline=None)
@given(
    values=hnp.arrays(np.float32, (4, 4), elements=st.sampled_from([0.0, 0.5, 1.0])),
    groups=st.lists(st.integers(0, 1), min_size=4, max_size=4),
)
def test_with_ties_it_is_the_mean_over_all_orders(metric_id, values, groups):
    data = make(values, groups)
    orders = [o for o in all_orders(metric_id, data) if not np.isnan(o).any()]
    found = value(metric_id, data)
    if not orders:
        assert np.isnan(found)
    elif "median" in metric_id:
        assert found == pytest.approx(np.median(orders))
    else:
        assert found == pytest.approx(np.mean(orders), abs=1e-12)


@pytest.mark.parametrize("metric_id", IDS)
def test_equal_similarities_reach_the_floor_which_is_that_of_all_orders(metric_id):
    data = make(np.zeros((5, 5)), [0, 0, 0, 1, 1])
    orders = list(all_orders(metric_id, data))
    expected = np.median(orders) if "median" in metric_id else np.mean(orders)
    floor = get_metric(metric_id).floor(data)
    assert floor == pytest.approx(expected, abs=1e-12)
    assert value(metric_id, data) == pytest.approx(floor, abs=1e-12)
    # It is of the labels alone.
    other = make(np.random.default_rng(0).random((5, 5)), [0, 0, 0, 1, 1])
    assert get_metric(metric_id).floor(other) == floor


def test_four_images_by_hand():
    """Images 0 and 1 are of one class, 2 and 3 of another."""
    values = [
        [0.9, 0.8, 0.1, 0.0],  # finds itself, then its like
        [0.7, 0.2, 0.3, 0.1],  # finds its like first, itself third
        [0.9, 0.8, 0.7, 0.6],  # finds the others first
        [0.1, 0.2, 0.3, 0.4],  # finds itself, then its like
    ]
    data = make(values, [0, 0, 1, 1])
    assert value("i2t-precision@1", data) == 3 / 4
    assert value("i2t-hit@1", data) == 3 / 4
    assert value("i2t-mrr", data) == pytest.approx((1 + 1 + 1 / 3 + 1) / 4)
    assert value("i2t-recall@5", data) == 1
    assert value("i2t-precision@5", data) == 2 / 5
    assert value("i2t-median-rank", data) == 1
    assert value("i2t-pair-hit@1", data) == 2 / 4
    assert value("i2t-pair-mrr", data) == pytest.approx((1 + 1 / 3 + 1 / 3 + 1) / 4)
    assert value("i2t-pair-median-rank", data) == 2
    assert value("i2t-precision@1-no-own", data) == 3 / 4
    assert value("i2t-mrr-no-own", data) == pytest.approx((1 + 1 + 1 / 3 + 1) / 4)
    # Texts 0 and 1 are fitted best by images 0 and 2 alike: half of the orders are right.
    assert value("t2i-precision@1", data) == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert value("t2i-pair-hit@1", data) == pytest.approx((0.5 + 0 + 1 + 0) / 4)


def test_a_class_of_one_is_left_out_when_its_partner_is():
    data = make(np.random.default_rng(0).random((5, 5)), [0, 0, 0, 0, 1])
    metric = get_metric("i2t-precision@1-no-own")
    assert np.isnan(metric.per_sample(data)).tolist() == [False] * 4 + [True]
    assert value("i2t-precision@1-no-own", data) == metric.per_sample(data)[:4].mean()
    alone = make(np.random.default_rng(0).random((3, 3)), [0, 1, 2])
    for metric_id in IDS:
        assert np.isnan(value(metric_id, alone)) == metric_id.endswith("-no-own")


def test_one_sample_has_one_candidate():
    data = make([[0.3]], [0])
    assert value("i2t-hit@1", data) == 1
    assert value("i2t-precision@10", data) == 0.1
    assert np.isnan(value("i2t-mrr-no-own", data))


STUDIES = ["s1", None, "s2", "s1", "s3", None, "s1", "s2"]


@pytest.mark.parametrize("metric_id", IDS)
def test_images_of_one_study_stand_for_each_other(metric_id):
    """One report is theirs: all of them are right as a partner, none is another of its kind."""
    groups = [0, 1, 0, 0, 1, 1, 0, 0]
    values = np.random.default_rng(8).normal(size=(8, 8))
    data = make(values, groups, studies=STUDIES)
    each = [worth(metric_id, r[np.argsort(-s)]) for s, r in rankings(metric_id, data)]
    np.testing.assert_allclose(get_metric(metric_id).per_sample(data), each, atol=1e-12)
    # In batches the studies go with their samples.
    batches = [np.array([6, 1, 0, 4]), np.array([5, 3, 7, 2])]
    parts = [
        make(values[np.ix_(b, b)], np.take(groups, b), studies=[STUDIES[i] for i in b])
        for b in batches
    ]
    found = get_metric(metric_id).per_sample(make(values, groups, studies=STUDIES, batches=batches))
    for batch, part in zip(batches, parts, strict=True):
        expected = get_metric(metric_id).per_sample(part)
        np.testing.assert_allclose(found[batch], expected, atol=1e-12)


@pytest.mark.parametrize("metric_id", IDS)
def test_the_floor_with_shared_studies_is_that_of_all_orders(metric_id):
    data = make(np.zeros((5, 5)), [0, 0, 0, 0, 1], studies=["s", "t", "s", None, None])
    orders = [o for o in all_orders(metric_id, data) if not np.isnan(o).any()]
    # The queries that ask for others have different numbers of candidates, and so of orders.
    long = max(map(len, orders))
    every = np.concatenate([np.repeat(each, long // len(each)) for each in orders])
    expected = np.median(every) if "median" in metric_id else np.mean(every)
    assert get_metric(metric_id).floor(data) == pytest.approx(expected, abs=1e-12)
    assert value(metric_id, data) == pytest.approx(expected, abs=1e-12)


def test_a_study_of_two_images_by_hand():
    """Images 0 and 1 share report A; each finds the copy of the other first."""
    values = [[0.8, 0.9, 0.1, 0.2], [0.9, 0.8, 0.1, 0.2], [0.5, 0, 0.9, 0.1], [0, 0, 0.1, 0.9]]
    shared, alone = (make(values, [0, 0, 0, 1], studies=s) for s in (["A", "A", "B", "C"], None))
    assert value("i2t-pair-hit@1", shared) == 1
    assert value("i2t-pair-hit@1", alone) == 0.5
    # Without its own, image 0 has candidates 2 and 3, of which 3 stands first.
    assert value("i2t-precision@1-no-own", shared) == pytest.approx((0 + 0 + 1) / 3)
    assert value("i2t-precision@1-no-own", alone) == pytest.approx((1 + 1 + 1) / 3)
    # Two of four are right for images 0 and 1, one of four for the others.
    assert get_metric("i2t-pair-hit@1").floor(shared) == (0.5 + 0.5 + 0.25 + 0.25) / 4
    # Of the two candidates of images 0 and 1 one is of their kind, of the three of image 2 two.
    floor = get_metric("i2t-precision@1-no-own").floor(shared)
    assert floor == pytest.approx((1 / 2 + 1 / 2 + 2 / 3) / 3)
    assert score(shared, ["i2t-precision@1-no-own"], replicates=0)["i2t-precision@1-no-own"].n == 3


def test_a_kind_that_is_one_study_has_nothing_else_to_find():
    data = make(np.eye(3), [0, 0, 1], studies=["s", "s", None])
    assert np.isnan(get_metric("t2i-mrr-no-own").per_sample(data)).all()
    assert np.isnan(get_metric("t2i-mrr-no-own").floor(data))
    assert value("t2i-pair-mrr", data) == 1


def test_studies_have_to_fit():
    with pytest.raises(DataError, match="studies"):
        make(np.eye(3), [0, 1, 2], studies=["s", "s"])


def test_labels_that_are_unknown_alike_are_equal():
    labels = np.array([[1, np.nan], [1, np.nan], [1, 0]])
    data = RetrievalInput(np.eye(3, dtype=np.float32), labels, ["a", "b"])
    assert value("i2t-precision@1-no-own", data) == 0.5
    assert data.n_by_name == {"a": 3, "b": 0}


@pytest.mark.parametrize("metric_id", IDS)
def test_taking_samples_takes_queries_and_leaves_the_gallery(metric_id):
    data = random(12, seed=2)
    rows = np.array([3, 3, 7, 0])
    each = get_metric(metric_id).per_sample(data)
    np.testing.assert_array_equal(get_metric(metric_id).per_sample(data.take(rows)), each[rows])
    assert len(data.take(rows)) == data.take(rows).n == 4


@pytest.mark.parametrize("metric_id", IDS)
def test_a_weight_of_m_is_the_query_m_times_and_order_does_not_matter(metric_id):
    rng = np.random.default_rng(3)
    data = make(np.round(rng.random((12, 12)) * 6), rng.integers(0, 2, 12))
    weights = rng.integers(0, 3, (4, 12)).astype(float)
    found = get_metric(metric_id).per_class(data, weights)[:, 0]
    repeated = [
        value(metric_id, data.take(np.repeat(np.arange(12), row.astype(int)))) for row in weights
    ]
    np.testing.assert_allclose(found, repeated, atol=1e-12)
    order = rng.permutation(12)
    moved = RetrievalInput(data.values[np.ix_(order, order)], data.labels[order], data.names)
    assert value(metric_id, moved) == pytest.approx(value(metric_id, data), abs=1e-12)


@pytest.mark.parametrize("metric_id", IDS)
def test_transposing_swaps_the_directions(metric_id):
    data = random(10, seed=4)
    turned = RetrievalInput(data.values.T, data.labels, data.names)
    other = {"i2t": "t2i", "t2i": "i2t"}[metric_id[:3]] + metric_id[3:]
    assert value(metric_id, turned) == value(other, data)


@pytest.mark.parametrize("metric_id", IDS)
def test_batches_are_galleries_of_their_own(metric_id):
    batches = shuffled_batches(24, 8, seed=5)
    assert sorted(np.concatenate(batches).tolist()) == list(range(24))
    whole = random(24, seed=5)
    data = random(24, seed=5, batches=batches)
    parts = [
        RetrievalInput(whole.values[np.ix_(b, b)], whole.labels[b], whole.names) for b in batches
    ]
    each = np.empty(24)
    for batch, part in zip(batches, parts, strict=True):
        each[batch] = get_metric(metric_id).per_sample(part)
    np.testing.assert_allclose(get_metric(metric_id).per_sample(data), each, atol=1e-12)
    one = random(24, seed=5, batches=shuffled_batches(24, 1000, seed=1))
    assert value(metric_id, one) == pytest.approx(value(metric_id, whole), abs=1e-12)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_smaller_batches_never_make_random_retrieval_harder(k):
    """With the own partner always there, its share of the candidates grows."""
    n, seeds = 60, range(40)
    groups = np.arange(n) % CLASSES
    names = [f"i2t-hit@{k}", f"i2t-pair-hit@{k}"]
    means = [
        [
            np.mean([
                get_metric(name).floor(
                    make(np.zeros((n, n)), groups, batches=shuffled_batches(n, size, seed))
                ) for seed in seeds
            ]) for size in (60, 30, 20, 10)
        ] for name in names
    ]  # fmt: skip
    for found in means:
        assert (np.diff(found) > -1e-3).all(), found
        assert found[-1] > found[0] + 0.005 or found[0] > 0.98


def test_scores_have_intervals_units_and_one_n():
    data = random(40, seed=6)
    found = score(data, IDS, [f"p{i // 2}" for i in range(40)], replicates=50)
    ranks = found["t2i-pair-median-rank"]
    assert (ranks.unit, ranks.higher_is_better, ranks.n) == ("rank", False, 40)
    assert ranks.floor == 20.5
    assert {one.unit for name, one in found.items() if "median" not in name} == {"fraction"}
    for name, one in found.items():
        low, high = one.ci95
        assert low <= one.value <= high, name
        assert one.per_class is None


def test_wrong_inputs_are_refused():
    with pytest.raises(RunError, match="ranked"):
        make(np.zeros((2, 3)), [0, 1])
    with pytest.raises(RunError, match="ranked"):
        make([[0, np.nan], [0, 0]], [0, 1])
    with pytest.raises(DataError, match="labels"):
        make(np.zeros((2, 2)), [0, 1, 2])
    labels = ClassificationInput(np.full((2, 1), 0.5), np.array([[0.0], [1.0]]), ["a"])
    with pytest.raises(BadRequest, match="not defined here"):
        score(labels, ["i2t-mrr"])
    with pytest.raises(BadRequest, match="not defined here"):
        score(random(5), ["auroc-macro"])
