"""Structured reports scored section by section."""

import numpy as np
import pytest

from cxrbench.errors import BadRequest
from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.text.bleu import bleu, bleu_counts
from cxrbench.metrics.text.ids import SECTION_IDS
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.ngrams import count_ngrams
from cxrbench.metrics.text.rouge import rouge_l
from cxrbench.metrics.text.sections import StructuredInput
from cxrbench.reports.structured import HEADERS, StructuredReport

REFERENCES = [
    "Lungs and Airways:\n- Lungs are clear.\n\nPleura:\n- No effusion.\n- No pneumothorax.\n",
    "Pleura:\n- Small left effusion.\n",
    "Cardiovascular:\n- Heart size is normal.\n",
]
GENERATED = [
    "Pleura:- No effusion.Cardiovascular:- Normal.",  # glued; one shared, one missing, one made up
    "Pleura:\n- Small left effusion.\n\nStomach:\n- Distended.\n",  # one right, one unknown header
    "no structure at all",
]


def f_measure(common, written, given):
    """ROUGE-L of a section by hand."""
    precision, recall = common / written, common / given
    return (1 + 1.44) * precision * recall / (recall + 1.44 * precision)


SHARED = f_measure(2, 2, 4)  # "No effusion." of "No effusion. No pneumothorax."


@pytest.fixture
def data():
    return StructuredInput.of(REFERENCES, GENERATED)


def test_means_by_section_and_over_all(data):
    by_section = evaluate(get_metric("rouge-l-sections-by-section-raw"), data)
    expected = {"Lungs and Airways": 0, "Pleura": (SHARED + 1) / 2, "Cardiovascular": 0}
    for name, value in by_section.per_class.items():
        if name in expected:
            assert value == pytest.approx(expected[name]), name
        else:
            assert np.isnan(value)
    assert by_section.value == pytest.approx((SHARED + 1) / 2 / 3)
    # Six comparisons: three of the first report, two of the second, one of the third.
    pooled = evaluate(get_metric("rouge-l-sections-pooled-raw"), data)
    assert pooled.value == pytest.approx((SHARED + 1) / 6)
    each = get_metric("rouge-l-sections-pooled-raw").per_sample(data)
    np.testing.assert_allclose(each, [SHARED / 3, 1 / 2, 0])
    assert data.n_by_name == {
        **dict.fromkeys(HEADERS, 0), "Lungs and Airways": 1, "Pleura": 2, "Cardiovascular": 2,
    }  # fmt: skip


def random_reports(n, seed):
    """Reports as dictionaries of header to words, and as text."""
    rng = np.random.default_rng(seed)
    words = ["No", "Heart", "Small", "effusion", "left", "tube", "clear"]
    found = []
    for _ in range(n):
        chosen = [h for h in HEADERS if rng.random() < 0.4]
        found.append({h: ["Seen", *rng.choice(words, rng.integers(1, 7))] for h in chosen})
    texts = ["".join(f"{h}:\n- {' '.join(w)}\n\n" for h, w in one.items()) for one in found]
    return found, texts


@pytest.mark.parametrize("name", ["bleu4-sections", "rouge-l-sections"])
def test_against_loops_over_reports_and_headers(name):
    references, ours = random_reports(40, 0)
    generated, theirs = random_reports(40, 1)
    data = StructuredInput.of(ours, theirs)

    def value(left, right):
        left, right = [" ".join(left)], [" ".join(right)]
        if name.startswith("rouge"):
            return rouge_l(left, right)[0]
        return bleu(bleu_counts(count_ngrams(left, right)), 4)[0]

    weights = np.random.default_rng(2).integers(0, 3, 40)
    found = {header: [] for header in HEADERS}
    for a, b, times in zip(references, generated, weights, strict=True):
        for header in {*a, *b}:
            both = header in a and header in b
            found[header] += [value(a[header], b[header]) if both else 0.0] * times
    macro, pooled = (get_metric(f"{name}-{mean}-raw") for mean in ("by-section", "pooled"))
    drawn = weights[None].astype(float)
    expected = [np.mean(found[header]) for header in HEADERS]
    np.testing.assert_allclose(macro.per_class(data, drawn)[0], expected, atol=1e-12)
    every = [number for numbers in found.values() for number in numbers]
    np.testing.assert_allclose(pooled.per_class(data, drawn), [[np.mean(every)]], atol=1e-12)
    rows = np.array([1, 5, 6])
    chosen = np.isin(np.arange(40), rows)[None].astype(float)
    for metric in (macro, pooled):
        part = metric.per_class(data.take(rows))
        np.testing.assert_allclose(metric.per_class(data, chosen), part, atol=1e-12)


def test_the_floor_and_the_perfect_report():
    texts = [*REFERENCES, REFERENCES[1]]
    perfect, constant = StructuredInput.of(texts, texts), StructuredInput.of(texts, [texts[1]] * 4)
    for name in SECTION_IDS:
        if name.endswith("raw") and name.startswith("rouge"):
            metric = get_metric(name)
            assert evaluate(metric, perfect).value == pytest.approx(1)
            assert metric.floor(perfect) == pytest.approx(evaluate(metric, constant).value)


def test_whole_text_metrics_apply_too_and_free_text_is_refused(data):
    whole = score(data, ["bleu1-raw"], replicates=20)["bleu1-raw"]
    plain = TextInput.of(REFERENCES, GENERATED)
    assert whole.value == score(plain, ["bleu1-raw"], replicates=0)["bleu1-raw"].value
    with pytest.raises(BadRequest, match="is not defined here"):
        score(plain, ["bleu4-sections-pooled-raw"])
    free = StructuredInput.of(["The lungs are clear."], GENERATED[:1])
    with pytest.raises(BadRequest, match="not structured"):
        score(free, ["bleu4-sections-pooled-raw"])


def test_a_section_without_words_is_compared_all_the_same():
    data = StructuredInput.of(["Pleura:\n- No effusion."], ["Pleura:\n"])
    assert evaluate(get_metric("rouge-l-sections-pooled-raw"), data).value == 0
    assert StructuredReport({"Pleura": ()}).text("Pleura") == ""
