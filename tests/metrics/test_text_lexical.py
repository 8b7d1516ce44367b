"""Lexical metrics against pycocoevalcap itself, on generated and odd texts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from cxrbench.errors import BadRequest, DataError
from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.text.ids import LEXICAL_IDS, Cut, LexicalId, parse_lexical
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.prepare import prepare

WITHOUT_JAVA = ["bleu1", "bleu2", "bleu3", "bleu4", "rouge-l", "cider"]
VOCABULARY = ["no", "No", "effusion", "effusion.", ".", ",", "the", "opacité", "½", "2.5", "", "\n"]
TEXTS = st.lists(st.sampled_from(VOCABULARY), max_size=9).map(" ".join) | st.text(max_size=12)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)
SENTENCES = (
    "The lungs are clear.", "No pleural effusion or pneumothorax.", "Heart size is normal.",
    "There is a small left effusion, unchanged.", "Endotracheal tube 3.5 cm above the carina.",
    "Mild cardiomegaly.", "No acute osseous abnormality.",
)  # fmt: skip


def reports(n, seed=0):
    """Reports of some sentences, a third of them shared with the reference."""
    rng = np.random.default_rng(seed)

    def text():
        chosen = rng.integers(len(SENTENCES), size=rng.integers(1, 6))
        return " ".join(SENTENCES[i] for i in chosen)

    references = [text() for _ in range(n)]
    generated = [r if rng.random() < 0.1 else text() for r in references]
    return references, generated


def reference_values(references, generated):
    """Corpus value and values of pairs, by name, as pycocoevalcap computes them."""
    gts = {i: [text] for i, text in enumerate(references)}
    res = {i: [text] for i, text in enumerate(generated)}
    values, each = Bleu(4).compute_score(gts, res, verbose=0)
    found = {f"bleu{k + 1}": (values[k], each[k]) for k in range(4)}
    found["rouge-l"] = Rouge().compute_score(gts, res)
    if any(text.split() for text in references):  # it fails where there is no n-gram at all
        found["cider"] = Cider().compute_score(gts, res)
    return found


def assert_equal(data, references, generated, preset):
    for name, (value, each) in reference_values(references, generated).items():
        metric = get_metric(f"{name}-{preset}")
        room = 1e-10 if name == "cider" else 0  # the others are equal to the last bit
        assert abs(evaluate(metric, data).value - value) <= room, name
        np.testing.assert_allclose(metric.per_sample(data), each, rtol=0, atol=room)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_raw_texts_score_as_in_pycocoevalcap(pairs):
    references, generated = (list(side) for side in zip(*pairs, strict=True))
    assert_equal(TextInput.of(references, generated), references, generated, "raw")


@pytest.mark.parametrize("seed", [0, 1])
def test_whole_files_score_as_in_pycocoevalcap_after_the_dots_are_set_apart(seed):
    references, generated = reports(120, seed)
    spaced = [
        [" ".join(word for word in text.replace(".", " .").split(" ") if word) for text in side]
        for side in (references, generated)
    ]
    assert_equal(TextInput.of(references, generated), *spaced, "coco-dotspace")


def test_dots_are_set_apart_and_nothing_else_is_done():
    texts = ["No  effusion.  Heart, OK.", "2.5 cm", "", "a\tb..", "end ."]
    expected = ["No effusion . Heart, OK .", "2 .5 cm", "", "a\tb . .", "end ."]
    assert prepare(texts, "coco-dotspace") == expected
    assert prepare(texts, "raw") == texts


@pytest.mark.parametrize("name", WITHOUT_JAVA)
@pytest.mark.parametrize("level", ["", "-unique-refs"])
def test_a_weight_of_m_is_the_pair_m_times(name, level):
    """With the same n-gram rareness: resampling does not change what is rare."""
    references, generated = reports(30)
    data = TextInput.of(references, generated)
    metric = get_metric(f"{name}-raw{level}")
    times = np.random.default_rng(1).integers(0, 4, len(data))
    weighted = metric.per_class(data, times[None].astype(float))
    share = data.share if level else np.ones(len(data))
    if name.startswith("bleu"):
        repeated = np.repeat(np.arange(len(data)), times)
        if level:  # a pair counts by its share, so the check is on pairs without repetition
            return
        expected = evaluate(metric, data.take(repeated)).value
    else:
        expected = np.average(metric.per_sample(data), weights=times * share)
    assert weighted[0, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", WITHOUT_JAVA)
def test_some_of_the_pairs_score_as_the_others_weighted_with_0(name):
    data = TextInput.of(*reports(25))
    metric = get_metric(f"{name}-coco-dotspace")
    rows = np.array([3, 7, 8, 20])
    weights = np.zeros((1, len(data)))
    weights[0, rows] = 1
    part = evaluate(metric, data.take(rows)).value
    assert metric.per_class(data, weights)[0, 0] == pytest.approx(part, abs=1e-12)
    assert np.isnan(metric.per_class(data, np.zeros((1, len(data))))).all()


@pytest.mark.parametrize("name", WITHOUT_JAVA)
def test_images_of_a_study_with_one_text_count_as_one(name):
    """`-unique-refs` equals pycocoevalcap on the studies."""
    references, generated = (
        list(side) for side in zip(*dict(zip(*reports(40), strict=True)).items(), strict=True)
    )
    images = np.random.default_rng(0).integers(1, 4, len(references))
    data = TextInput.of(*(list(np.repeat(side, images)) for side in (references, generated)))
    value = evaluate(get_metric(f"{name}-raw-unique-refs"), data).value
    assert value == pytest.approx(reference_values(references, generated)[name][0], abs=1e-10)
    whole = evaluate(get_metric(f"{name}-raw"), data).value
    assert abs(whole - value) > 1e-6


class Halves:
    """A tokenizer of tokens of two characters."""

    def encode(self, sequence, *, add_special_tokens):
        assert not add_special_tokens
        offsets = [(i, min(i + 2, len(sequence))) for i in range(0, len(sequence), 2)]
        return type("Encoding", (), {"offsets": offsets})


def test_references_are_cut_and_generated_texts_are_not():
    references, generated = ["a b  c d", "a b", ""], ["a b c d", "a b", "x"]
    data = TextInput.of(references, generated, Halves())
    assert data.corpus.cut_references(Cut(2, "words")) == ["a b", "a b", ""]
    assert data.corpus.cut_references(Cut(3, "tokens")) == ["a b  c", "a b", ""]
    cut = TextInput.of(["a b", "a b", ""], generated)
    for name in WITHOUT_JAVA:
        asked = evaluate(get_metric(f"{name}-raw-ref2words"), data).value
        assert asked == evaluate(get_metric(f"{name}-raw"), cut).value
        assert asked != evaluate(get_metric(f"{name}-raw"), data).value


def test_cutting_by_tokens_needs_a_tokenizer():
    with pytest.raises(BadRequest, match="cannot be cut to 100 tokens"):
        evaluate(get_metric("bleu4-raw-ref100tokens"), TextInput.of(["a"], ["a"]))


@pytest.mark.parametrize("name", WITHOUT_JAVA)
def test_the_floor_is_the_most_frequent_reference_everywhere(name):
    references = ["normal heart size"] * 3 + ["b c d e"] * 3 + ["x y"]
    data = TextInput.of(references, ["anything"] * 7)
    expected = reference_values(references, ["b c d e"] * 7)[name][0]
    assert get_metric(f"{name}-raw").floor(data) == pytest.approx(expected, abs=1e-10)


def test_ids_say_all_and_are_read_back():
    every = itertools.product(
        ("bleu1", "meteor", "rouge-l", "cider"),
        ("coco-dotspace", "ptb-lower", "raw"),
        (None, Cut(100, "words"), Cut(7, "tokens")),
        (False, True),
    )
    for parts in every:
        told = LexicalId(*parts)
        assert parse_lexical(str(told)) == told
        assert get_metric(str(told)).id == str(told)
    for wrong in ("bleu5-raw", "bleu4", "bleu4-raw-ref0words", "bleu4-raw-unique", "cider-raw-"):
        assert parse_lexical(wrong) is None
    assert len(set(LEXICAL_IDS)) == 7 * 3 * 2


def test_scored_with_intervals_that_hold_the_value():
    data = TextInput.of(*reports(60))
    ids = [f"{name}-coco-dotspace" for name in WITHOUT_JAVA]
    for name, found in score(data, ids, [str(i // 2) for i in range(60)], 200).items():
        assert found.n == 60
        assert found.ci95[0] < found.value < found.ci95[1], name
        assert found.floor < found.value
        assert (found.ci_method, found.reason) == ("bootstrap-patient-percentile-200", None)


@pytest.mark.parametrize(("references", "generated"), [([], []), (["a"], ["a", "b"])])
def test_pairs_that_are_none_are_refused(references, generated):
    with pytest.raises(DataError, match="do not fit"):
        TextInput.of(references, generated)
