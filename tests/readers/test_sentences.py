"""Sentences from another Python, here with a stand-in for medspaCy."""

import os
import stat
import sys

import pytest

from cxrbench.readers.sentences import VARIABLE, SplitterUnavailable, split_sentences

MEDSPACY = """
class Document:
    def __init__(self, text):
        self.sents = text.split("|")

def load(medspacy_enable):
    assert medspacy_enable == ["medspacy_pyrush"]
    return Document
"""
LOGURU = """
class logger:
    @staticmethod
    def disable(name):
        assert name == "PyRuSH"
"""


@pytest.fixture
def other_python(tmp_path, monkeypatch):
    """A Python that has a medspaCy, named in the environment."""
    if os.name != "posix":
        pytest.skip("the stand-in is a shell script")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "medspacy.py").write_text(MEDSPACY)
    (packages / "loguru.py").write_text(LOGURU)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(VARIABLE, str(script))
    return packages


def test_texts_are_divided_there(other_python):
    texts = ["One.| Two é ☃. |", "", "a|ab|abc", "line\none"]
    assert split_sentences(texts) == [["One.", "Two é ☃."], [], ["abc"], ["line\none"]]


def test_what_goes_wrong_there_is_told(other_python):
    (other_python / "medspacy.py").write_text("raise ImportError('numpy.dtype size changed')")
    with pytest.raises(SplitterUnavailable) as caught:
        split_sentences(["One."])
    assert "numpy.dtype size changed" in caught.value.why
    assert VARIABLE in caught.value.fix
    assert "\n" not in caught.value.why


def test_an_answer_of_another_length_is_no_answer(other_python):
    (other_python / "medspacy.py").write_text(
        MEDSPACY + "\nimport sys\nsys.stdout.write('[]')\nsys.exit(0)\n"
    )
    with pytest.raises(SplitterUnavailable):
        split_sentences(["One."])


def test_a_python_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(SplitterUnavailable, match="medspaCy"):
        split_sentences(["One."])
