"""Finding-level metrics of reports: by hand, against scikit-learn, and what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.text.groups import expand
from cxrbench.metrics.text.ids import FINDING_IDS, KEYWORD_RECALL
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.sections import StructuredInput
from cxrbench.reports.findings import FINDINGS, statuses
from cxrbench.reports.findings.keywords import keywords

IDS = (*FINDING_IDS, KEYWORD_RECALL)
SAID = (
    "Small left effusion.", "No effusion.", "Possible pneumonia.", "The heart is enlarged.",
    "Lungs are clear.", "A right chest tube is in place.", "Emphysema.", "Two lung nodules.",
    "Bibasilar atelectasis with opacity.",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(SAID), min_size=1, max_size=4).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, st.one_of(st.just(""), TEXTS)), min_size=1, max_size=7)

# Reference, generated, and what is in both, added and missed, by hand.
CASES = [
    ("Effusion and cardiomegaly.", "Possible effusion. Pneumothorax.", 1, 1, 1),
    ("No effusion. Lungs are clear.", "Clear lungs.", 1, 0, 0),  # No Finding in both
    ("Clear lungs.", "Effusion.", 0, 1, 1),
    ("Emphysema.", "Emphysema.", 0, 0, 0),  # none of the 14
    ("Effusion.", "", 0, 0, 1),
]


@pytest.fixture
def data():
    return TextInput.of([case[0] for case in CASES], [case[1] for case in CASES])


def of(name):
    return get_metric(f"findings-{name}")


def value(name, data):
    return evaluate(of(name), data).value


def test_by_hand(data):
    both, added, missed = (sum(case[i] for case in CASES) for i in (2, 3, 4))
    assert value("f1-micro-rules14", data) == 2 * both / (2 * both + added + missed) == 4 / 9
    assert value("precision-micro-rules14", data) == both / (both + added)
    assert value("recall-micro-rules14", data) == both / (both + missed)
    assert value("f1-micro-rules13", data) == 2 / (2 + 2 + 2)  # without No Finding, of 2 and 3
    found = evaluate(of("f1-macro-rules14"), data)
    given = {name: v for name, v in found.per_class.items() if not np.isnan(v)}
    assert given == {
        "Pleural Effusion": 1 / 2, "Cardiomegaly": 0, "Pneumothorax": 0, "No Finding": 2 / 3,
    }  # fmt: skip
    assert list(found.per_class) == list(FINDINGS)
    assert found.value == pytest.approx((1 / 2 + 2 / 3) / 4)
    assert found.n == len(CASES)


def test_each_report_by_hand(data):
    nan = np.nan
    np.testing.assert_array_equal(of("f1-micro-rules14").per_sample(data), [0.5, 1, 0, 1, 0])
    np.testing.assert_array_equal(
        of("precision-micro-rules14").per_sample(data), [0.5, 1, 0, 1, nan]
    )
    np.testing.assert_array_equal(of("recall-micro-rules14").per_sample(data), [0.5, 1, 0, 1, 0])
    np.testing.assert_array_equal(of("f1-micro-rules13").per_sample(data), [0.5, 1, 0, 1, 0])
    assert of("f1-macro-rules14").per_sample(data) is None


def matrix(texts):
    return np.array(
        [[statuses(t).get(name) in {"present", "uncertain"} for name in FINDINGS] for t in texts]
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_against_scikit_learn(weighted):
    rng = np.random.default_rng(0)
    texts = [[" ".join(rng.choice(SAID, rng.integers(1, 5))) for _ in range(60)] for _ in "ab"]
    data = TextInput.of(*texts)
    times = rng.integers(0, 4, 60) if weighted else np.ones(60, int)
    ours, theirs = (np.repeat(matrix(side), times, axis=0) for side in texts)
    has = (ours | theirs).any(axis=0)
    assert 5 < has.sum() < 14
    weights = times[None] if weighted else None
    expected = {
        "f1-micro-rules14": f1_score(ours, theirs, average="micro"),
        "f1-micro-rules13": f1_score(ours[:, :13], theirs[:, :13], average="micro"),
        "precision-micro-rules14": precision_score(ours, theirs, average="micro"),
        "recall-micro-rules14": recall_score(ours, theirs, average="micro"),
        "f1-macro-rules14": f1_score(
            ours[:, has], theirs[:, has], average="macro", zero_division=0
        ),
    }
    for name, number in expected.items():
        metric = of(name)
        found = metric.aggregate(metric.per_class(data, weights))
        assert found == pytest.approx([number], abs=1e-12), name
    samples = of("f1-micro-rules14").per_sample(data)
    left, right = (matrix(side) for side in texts)
    slow = [f1_score(a, b, zero_division=1) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(samples, slow, atol=1e-12)


def test_keyword_recall_by_hand():
    references = ["Small left effusion.", "No acute process.", "The heart is normal.", "Edema."]
    generated = ["Left effusion, large.", "Effusion.", "Normal cardiac silhouette.", "No edema."]
    data = TextInput.of(references, generated)
    metric = get_metric(KEYWORD_RECALL)
    expected = [2 / 3, np.nan, 1.0, 0.0]  # of {effusion, small, left}, nothing, {heart}, {edema}
    np.testing.assert_array_equal(metric.per_sample(data), expected)
    found = evaluate(metric, data)
    assert (found.value, found.n) == (pytest.approx(5 / 9), 3)
    weights = np.array([[3.0, 1, 0, 1], [0, 2, 0, 0]])
    np.testing.assert_allclose(metric.per_class(data, weights), [[2 / 4], [np.nan]])


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_what_always_holds(pairs, random):
    references, generated = zip(*pairs, strict=True)
    data = TextInput.of(references, generated)
    times = np.array([random.randrange(4) for _ in pairs])
    repeated = data.take(np.repeat(np.arange(len(pairs)), times))
    swapped = TextInput.of(generated, references)
    for name in IDS:
        metric = get_metric(name)
        weighted = metric.per_class(data, times[None].astype(float))
        if times.any():
            np.testing.assert_allclose(weighted, metric.per_class(repeated), atol=1e-12)
        else:
            assert np.isnan(weighted).all()
        order = np.array(random.sample(range(len(pairs)), len(pairs)))
        np.testing.assert_allclose(
            metric.per_class(data), metric.per_class(data.take(order)), atol=1e-12
        )
        values = metric.per_class(data)
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()
        alike = metric.per_class(TextInput.of(references, references))
        assert ((alike == 1) | np.isnan(alike)).all()
        each = metric.per_sample(data)
        if each is not None:
            assert each.shape == (len(pairs),)
            one = [metric.per_class(data.take(np.array([i])))[0, 0] for i in range(len(pairs))]
            known = ~np.isnan(one)
            np.testing.assert_allclose(each[known], np.array(one)[known], atol=1e-12)
    # F1 is symmetric; precision and recall change places.
    for name in ("f1-micro-rules14", "f1-macro-rules14"):
        np.testing.assert_allclose(of(name).per_class(data), of(name).per_class(swapped))
    np.testing.assert_allclose(
        of("precision-micro-rules14").per_class(data),
        of("recall-micro-rules14").per_class(swapped),
    )


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_more_text_never_has_less_keywords_recalled(reference, generated):
    metric = get_metric(KEYWORD_RECALL)
    short, long = (
        metric.per_sample(TextInput.of([reference], [text]))[0]
        for text in (generated, f"{generated} {reference}")
    )
    if keywords(reference):
        assert short <= long == 1
    else:
        assert np.isnan(short)


def test_scored_with_intervals_and_names():
    ids = expand(["findings"], "raw", cut=None, unique=False)
    assert ids == list(IDS)
    rng = np.random.default_rng(1)
    texts = [[" ".join(rng.choice(SAID, 3)) for _ in range(40)] for _ in "ab"]
    found = score(TextInput.of(*texts), ids, replicates=50)
    for name in ids:
        assert found[name].ci95[0] < found[name].value < found[name].ci95[1]
        assert found[name].floor is not None
    macro = found["findings-f1-macro-rules14"]
    assert list(macro.per_class) == list(macro.ci95_per_class) == list(FINDINGS)
    assert macro.per_class["Fracture"] is None
    assert macro.n_per_class["Fracture"] == 0 < macro.n_per_class["Pleural Effusion"]
    assert found["findings-f1-micro-rules14"].n_per_class == {}


def test_structured_reports_have_the_same_metrics():
    text = "Pleura:\n- Small effusion.\n"
    data = StructuredInput.of([text], [text])
    found = score(data, ["findings-f1-macro-rules14", "rouge-l-sections-by-section-raw"])
    assert found["findings-f1-macro-rules14"].per_class["Pleural Effusion"] == 1


def test_texts_are_read_once(monkeypatch):
    from cxrbench.metrics.text import findings

    read = []
    monkeypatch.setattr(findings, "statuses", lambda text: read.append(text) or statuses(text))
    data = TextInput.of(["Effusion.", "Edema."], ["Edema.", "Clear lungs."])
    for name in FINDING_IDS:
        for _ in range(3):
            get_metric(name).per_class(data, np.ones((5, 2)))
    assert len(read) == 4
