"""F1-SRR against a slow loop over scikit-learn's report, with labels made up for bullets."""

import hashlib
import sys
from collections import defaultdict
from functools import lru_cache

import numpy as np
import pytest
from sklearn.metrics import classification_report

from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.text.clinical import srr
from cxrbench.metrics.text.ids import SRR_IDS
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.readers.srr_bert import SrrBert
from cxrbench.reports.structured import HEADERS, parse_structured

BULLETS = [f"Finding number {i} is seen." for i in range(9)]
KEYS = {"f1": "f1-score", "precision": "precision", "recall": "recall"}


def labels(text):
    """Three labels of 55, by the text; what is missing is No Finding."""
    found = np.zeros(55, bool)
    if text == "No findings":
        found[0] = True
    else:
        digest = hashlib.sha256(text.encode()).digest()
        found[[digest[0] % 6, digest[1] % 6, digest[2] % 6]] = True
    return found


class Made:
    def label(self, texts):
        return np.stack([labels(text) for text in texts])


@pytest.fixture(autouse=True)
def made(monkeypatch):
    monkeypatch.setattr(srr, "find_reader", lambda name: None)
    monkeypatch.setattr(SrrBert, "load", lambda found: Made())
    monkeypatch.setattr(sys.modules[score.__module__], "_reader_files", lambda metric: None)


def report(rng):
    chosen = [header for header in HEADERS if rng.random() < 0.5]
    text = ""
    for header in chosen:
        lines = rng.choice(BULLETS, rng.integers(1, 4))
        text += f"{header}:\n" + "".join(f"- {line}\n" for line in lines) + "\n"
    return text


def reports():
    rng = np.random.default_rng(1)
    found = [(report(rng), report(rng)) for _ in range(18)]
    found[3] = ("Pleura:\n- One.\n", "no structure")
    found[4] = ("", "Lungs and Airways:\n")  # neither has a bullet
    found[5] = ("Pleura:\n- One.\n\nStomach:\n- Two.\n", "Pleura:\n- One.\n")  # unknown header
    return found


TEXTS = reports()


@lru_cache
def slowly(unit):
    """Scores of every section by header, as StructEval collects them, and per report."""
    by_header, by_report = defaultdict(list), []
    for pair in TEXTS:
        ours, theirs = (
            {h: list(lines) for h, lines in parse_structured(text).sections.items() if lines}
            for text in pair
        )
        own = []
        for header in set(ours) | set(theirs):
            if header not in ours or header not in theirs:
                scores = dict.fromkeys(KEYS, 0.0)
            else:
                left, right = ours[header], theirs[header]
                if unit == "utterances":
                    right = right[: len(left)]
                    right += ["No findings"] * (len(left) - len(right))
                    sides = [[labels(text) for text in side] for side in (left, right)]
                else:
                    sides = [[np.any([labels(t) for t in side], axis=0)] for side in (left, right)]
                found = classification_report(
                    *(np.array(side, int) for side in sides), output_dict=True, zero_division=0
                )["samples avg"]
                scores = {name: found[key] for name, key in KEYS.items()}
            by_header[header].append(scores)
            own.append(scores)
        by_report.append(own)
    return by_header, by_report


@pytest.fixture
def data():
    return TextInput.of(*zip(*TEXTS, strict=True))


@pytest.mark.parametrize("unit", ["sections", "utterances"])
@pytest.mark.parametrize("name", list(KEYS))
def test_means_over_sections_are_those_of_a_slow_loop(data, unit, name):
    by_header, by_report = slowly(unit)
    every = [scores[name] for found in by_header.values() for scores in found]
    metric = get_metric(f"{name}-srr-leaves-{unit}-pooled")
    found = evaluate(metric, data)
    assert found.value == pytest.approx(np.mean(every), abs=1e-12)
    assert found.per_class is None
    assert 0.1 < found.value < 0.9
    of_reports = [np.mean([s[name] for s in own]) if own else np.nan for own in by_report]
    np.testing.assert_allclose(metric.per_sample(data), of_reports)
    assert np.isnan(of_reports[4])
    assert found.n == len(TEXTS) - 1
    by_section = evaluate(get_metric(f"{name}-srr-leaves-{unit}-by-section"), data)
    expected = {header: np.mean([s[name] for s in by_header[header]]) for header in HEADERS}
    assert by_section.per_class == pytest.approx(expected)
    assert by_section.value == pytest.approx(np.mean(list(expected.values())))


def test_the_order_and_number_of_bullets_matter_for_utterances_alone():
    ours = "Pleura:\n- Finding number 1 is seen.\n- Finding number 2 is seen.\n"
    swapped = "Pleura:\n- Finding number 2 is seen.\n- Finding number 1 is seen.\n"
    first = "Pleura:\n- Finding number 1 is seen.\n"
    data = TextInput.of([ours] * 3, [ours, swapped, first])
    whole = get_metric("f1-srr-leaves-sections-pooled").per_sample(data)
    single = get_metric("f1-srr-leaves-utterances-pooled").per_sample(data)
    assert (whole[0], whole[1], single[0]) == (1, 1, 1)
    assert single[1] < 1
    assert 0.5 <= single[2] < 1  # the first is right, the second was not written


@pytest.mark.parametrize("metric_id", SRR_IDS)
def test_weights_are_repetitions(data, metric_id):
    metric = get_metric(metric_id)
    drawn = np.random.default_rng(0).integers(0, 3, (4, len(TEXTS))).astype(float)
    found = metric.aggregate(metric.per_class(data, drawn))
    for row, weights in zip(found, drawn, strict=True):
        rows = np.repeat(np.arange(len(TEXTS)), weights.astype(int))
        again = TextInput.of(*zip(*[TEXTS[r] for r in rows], strict=True))
        assert row == pytest.approx(evaluate(metric, again).value, abs=1e-12)


def test_scores_with_intervals_and_sections(data):
    found = score(data, ["f1-srr-leaves-sections-by-section"], replicates=50)
    (one,) = found.values()
    assert one.n_per_class["Pleura"] < one.n == len(TEXTS) - 1
    assert one.ci95[0] < one.value < one.ci95[1]
    assert one.floor is not None


def test_free_text_has_no_value_and_a_reason():
    data = TextInput.of(["Lungs are clear."], ["Clear lungs."])
    (one,) = score(data, ["f1-srr-leaves-sections-pooled"]).values()
    assert one.value is None
    assert "not structured reports" in one.reason
    assert get_metric("f1-srr-leaves-sections-pooled").per_sample(data) is None


def test_nothing_in_common_needs_no_reader(monkeypatch):
    monkeypatch.setattr(SrrBert, "load", lambda found: pytest.fail("was loaded"))
    data = TextInput.of(["Pleura:\n- Clear.\n"], ["Other:\n- Nothing.\n"])
    assert evaluate(get_metric("f1-srr-leaves-sections-pooled"), data).value == 0
