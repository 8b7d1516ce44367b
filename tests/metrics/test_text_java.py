"""METEOR and the PTB tokenizer: their Java programs, and what is said without Java."""

import os
import stat
import sys

import numpy as np
import pytest

from cxrbench.metrics import evaluate, get_metric, score
from cxrbench.metrics.base import MetricUnavailable
from cxrbench.metrics.text import meteor as module
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.meteor import meteor, meteor_counts
from cxrbench.metrics.text.prepare import ptb_lower

# References, generated texts, and what pycocoevalcap 1.2 answered for them.
REFERENCES = [
    "The lungs are clear . No effusion .", "Heart size is normal .",
    "Mild cardiomegaly , unchanged .", "There is a small left pleural effusion",
    "No pneumothorax . No pneumothorax .", "café déjà 7.5 cm",
    "The cardiac silhouette is enlarged .",
]  # fmt: skip
GENERATED = [
    "The lung is clear . There is no pleural effusion .", "Heart size is normal .",
    "Normal heart size .", "a", "pneumothorax no pneumothorax no", "cafe deja 7.5 mm", "",
]  # fmt: skip
COUNTS = """
11 8 7 5  2 2 4 4  1 1 0 0  0 0 1 1  0 0 0 0  3 8 8
5 5 2 2  3 3 2 2  0 0 0 0  0 0 0 0  0 0 0 0  1 5 5
4 5 1 2  0 0 1 1  0 0 0 0  0 0 0 0  0 0 0 0  1 1 1
1 7 1 3  0 0 1 1  0 0 0 0  0 0 0 0  0 0 0 0  1 1 1
4 6 2 4  2 2 2 2  0 0 0 0  0 0 0 0  0 0 0 0  3 4 4
4 4 0 0  1 1 0 0  0 0 0 0  0 0 0 0  1 1 0 0  2 2 2
0 6 0 3  0 0 0 0  0 0 0 0  0 0 0 0  0 0 0 0  0 0 0
"""
VALUES = [
    0.4329910565711788, 1.0, 0.03686635944700461, 0.031007751937984496, 0.35756494286437845,
    0.16000000000000003, 0.0,
]  # fmt: skip
CORPUS = 0.22773077135466324


@pytest.fixture
def own_program():
    """No program of another test is used, and none is left."""
    module._program.cache_clear()
    yield
    if module._program.cache_info().currsize:
        module._program(os.getpid()).close()
    module._program.cache_clear()


@pytest.fixture
def fake_java(tmp_path, monkeypatch, own_program):
    """A `java` that answers as METEOR does for equal texts; `die` ends it, `junk` confuses it."""
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\n"
        f"asked = open({str(tmp_path / 'asked')!r}, 'a', encoding='utf-8', newline='')\n"
        "for line in sys.stdin.buffer:\n"
        "    text = line.decode('utf-8')\n"
        "    asked.write(text); asked.flush()\n"
        "    if 'die' in text:\n"
        "        sys.exit('no room for the heap')\n"
        "    n = len(text.split('|||')[2].split())\n"
        "    zeros = ' 0.0' * 14\n"
        "    counts = f'{n} {n} 0 0 {n} {n}{zeros} 1 {n} {n}'\n"
        "    print('x' if 'junk' in text else counts, flush=True)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return tmp_path


def counts():
    return np.array([[float(v) for v in line.split()] for line in COUNTS.strip().splitlines()])


def test_values_of_reports_are_those_of_the_program():
    rows = counts()
    rows[1, 20] = 0  # all in one piece
    np.testing.assert_allclose(meteor(rows), VALUES, rtol=0, atol=1e-15)
    assert meteor(rows.sum(axis=0, keepdims=True))[0] == pytest.approx(CORPUS, abs=1e-15)


def test_real_meteor(own_program):
    """One start of Java, which takes most of the time of this file."""
    data = TextInput.of(REFERENCES, GENERATED)
    metric = get_metric("meteor-raw")
    assert evaluate(metric, data).value == pytest.approx(CORPUS, abs=1e-15)
    np.testing.assert_allclose(metric.per_sample(data), VALUES, rtol=0, atol=1e-15)
    found = counts()
    found[1, 20] = 0
    np.testing.assert_array_equal(meteor_counts(REFERENCES, GENERATED), found)
    # Odd texts give an answer each, whatever divides lines and fields.
    odd = ["a\nb", "a ||| b", "\u2028", "\ud800", "  ", "½ \x85 \x00", "|||"]
    assert meteor_counts(odd, odd[::-1]).shape == (len(odd), 23)


def test_one_program_is_kept_open_and_equal_pairs_are_aligned_once(fake_java):
    texts = [f"text number {i}" for i in range(150)]
    first = meteor_counts(texts * 2, texts * 2)
    assert first.shape == (300, 23)
    np.testing.assert_array_equal(first[:150], first[150:])
    np.testing.assert_array_equal(meteor_counts(["a b", "c"], ["a b", "c"])[:, 0], [2, 1])
    assert (fake_java / "starts").read_text() == "x"
    asked = (fake_java / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[:2] == [
        "SCORE ||| text number 0 ||| text number 0",
        "SCORE ||| text number 1 ||| text number 1",
    ]
    assert len(asked) == 152


def test_what_divides_lines_and_fields_is_taken_out(fake_java):
    meteor_counts(["a\nb ||| c"], ["é\r\nf"])
    asked = (fake_java / "asked").read_text(encoding="utf-8")
    assert asked == "SCORE ||| a b c ||| é f\n"


@pytest.mark.parametrize(("text", "said"), [("die", "no room for the heap"), ("junk", "")])
def test_a_program_that_fails_costs_the_value_and_not_the_run(fake_java, text, said):
    data = TextInput.of(["fine", text], ["fine", "fine"])
    found = score(data, ["meteor-raw", "rouge-l-raw"], replicates=10)
    assert found["meteor-raw"].value is None
    assert found["meteor-raw"].floor is None
    assert found["meteor-raw"].reason.startswith("METEOR failed: ")
    assert said in found["meteor-raw"].reason
    assert found["rouge-l-raw"].value is not None
    assert get_metric("meteor-raw").per_sample(data) is None
    # And the next file is scored by a new program.
    assert meteor_counts(["fine"], ["fine"])[0, 0] == 1


@pytest.fixture
def no_java(monkeypatch, tmp_path, own_program):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_java_there_is_a_reason_and_no_zero(no_java):
    data = TextInput.of(["a b"], ["a b"])
    ids = ["meteor-coco-dotspace", "bleu1-ptb-lower", "cider-ptb-lower-unique-refs", "bleu1-raw"]
    found = score(data, ids)
    for name in ids[:3]:
        assert (found[name].value, found[name].ci95, found[name].floor) == (None, None, None)
        assert found[name].reason.startswith("Java was not found: ")
        assert get_metric(name).per_sample(data) is None
    assert found["bleu1-raw"].value == pytest.approx(1)
    with pytest.raises(MetricUnavailable) as caught:
        ptb_lower(["a"])
    assert "JAVA_HOME" in caught.value.fix


def test_a_tokenizer_that_loses_lines_is_noticed(fake_java):
    """The fake one answers nothing for a file."""
    with pytest.raises(MetricUnavailable, match="the PTB tokenizer failed"):
        ptb_lower(["a", "b"])


def test_texts_without_words_need_no_java(no_java):
    assert ptb_lower(["", " \n", "\u2028"]) == ["", "", ""]


ODD = [
    "The lungs' bases (AP view) aren't clear; 2.5-cm nodule, r/o CHF.", "", "a\nb", "  ",
    "No change vs. prior. U.S. Dr. Smith", "Stable... ok?! -- 50% \"mass\" & e.g. 5 > 3",
    "café naïve — µm ½", "NO EFFUSION", "one", "[[X]] {y} <z> #3 @home $5",
]  # fmt: skip


def test_ptb_tokens_are_those_of_pycocoevalcap():
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    given = {i: [{"caption": text}] for i, text in enumerate(ODD)}
    expected = PTBTokenizer().tokenize(given)
    assert ptb_lower(ODD) == [expected[i][0] for i in range(len(ODD))]


@pytest.mark.slow
def test_meteor_is_that_of_pycocoevalcap(own_program):
    from pycocoevalcap.meteor.meteor import Meteor

    rng = np.random.default_rng(0)
    words = " ".join([*REFERENCES, *ODD, *GENERATED]).split()
    texts = [" ".join(rng.choice(words, rng.integers(0, 30))) for _ in range(200)]
    references, generated = texts[:100] + ODD, texts[100:] + ODD[::-1]
    references = [text.replace("\n", " ") for text in references]
    generated = [text.replace("\n", " ") for text in generated]
    value, each = Meteor().compute_score(
        {i: [text] for i, text in enumerate(references)},
        {i: [text] for i, text in enumerate(generated)},
    )
    data = TextInput.of(references, generated)
    metric = get_metric("meteor-raw")
    assert evaluate(metric, data).value == pytest.approx(value, abs=1e-14)
    np.testing.assert_allclose(metric.per_sample(data), each, rtol=0, atol=1e-14)
