"""How reports are divided for the two models of RadGraph."""

import pytest

from cxrbench.readers.report_words import as_read, radgraph_words, radgraph_xl_words


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("No effusion.", ["No", "effusion", "."]),
        (
            "1.5 cm, left/right (mild)",
            ["1", ".", "5", "cm", ",", "left", "/", "right", "(", "mild", ")"],
        ),
        ("heart-size;normal", ["heart-size;normal"]),  # hyphens and semicolons join
        ("a ,b", ["a", ",", "b"]),
        ("two  blanks\nand a line", ["two", "blanks", "and", "a", "line"]),
        (" \n", []),
    ],
)
def test_the_first_model_divides_at_seven_marks(report, words):
    assert radgraph_words(report) == words


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("No effusion.", ["No", "effusion", "."]),
        ("heart-size;normal", ["heart", "-", "size", ";", "normal"]),
        ("(mild).", ["(", "mild", ")", "."]),
        ("5%.", ["5", "%", "."]),
        ("5%,6%)", ["5", "%", ",", "6", "%", ")"]),
        ("end.'", ["end", ".", "'"]),
        ("end..", ["end", ".."]),  # runs of other marks stay together
        ("one\\ntwo", ["one", "two"]),
        ('say \\"x', ["say", "``", "x"]),
        ("", []),
    ],
)
def test_the_second_divides_words_from_marks(report, words):
    assert radgraph_xl_words(report) == words


def test_two_words_are_read_without_their_stroke():
    assert [as_read(word) for word in ("/.", "/?", "/,", ".", "a/.")] == [
        ".",
        "?",
        "/,",
        ".",
        "a/.",
    ]
