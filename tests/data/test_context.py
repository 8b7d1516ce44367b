"""Ages, sexes and the sentences made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.data.context import (
    fill_context,
    join_context,
    read_age,
    read_sex,
    split_context,
)


@pytest.mark.parametrize(
    ("text", "years"),
    [("58", 58), ("058Y", 58), ("45yrs", 45), ("45 yr", 45), ("0", 0), ("58.0", 58), ("120", 120),
     ("051", 51), ("7", 7), (" 058y ", 58), ("58 Y", 58), ("5.5Y", 5.5), ("000Y", 0), ("120Y", 120),
     ("006M", 0.5), ("6 months", 0.5), ("026W", 0.498), ("003D", 0.0082), ("73days", 0.2),
     ("1440M", 120), ("1441M", None), ("121Y", None), ("121", None), ("414", None), ("", None),
     ("Y", None), ("abc", None), ("-3", None), ("-05Y", None), ("nan", None), ("1e1", None),
     ("45 patients", None), ("9" * 400, None), ("58Y.", None), ("58.", 58)],
)  # fmt: skip
def test_ages(text, years):
    assert read_age(text) == (None if years is None else pytest.approx(years, abs=1e-3))


@pytest.mark.parametrize(
    ("text", "sex"),
    [("M", "M"), ("male", "M"), (" Female ", "F"), ("f", "F"), ("", None), ("U", None)],
)
def test_sexes(text, sex):
    assert read_sex(text) == sex


def test_a_template_is_filled_or_there_is_no_context():
    template = "A {age}-year-old {sex_noun}"
    assert fill_context(template, age=58.0, sex="F") == "A 58-year-old woman"
    assert fill_context(template, age=58, sex="F") == "A 58-year-old woman"
    assert fill_context(template, age=1.9, sex="M") == "A 1-year-old man"
    assert fill_context(template, age=None, sex="F") is None
    assert fill_context(template, age=58.0, sex=None) is None
    assert fill_context("", age=58.0, sex="F") is None
    assert fill_context("{history}", history="", age=None) is None
    assert fill_context("{history}", history="Fever.", age=None) == "Fever."


@pytest.mark.parametrize(
    ("indication", "history", "text"),
    [
        ("Cough.", "Asthma.", "INDICATION: Cough. HISTORY: Asthma."),
        (" Cough.\n", "", "Cough."),
        ("", "Asthma. ", "HISTORY: Asthma."),
        (" ", "", None),
        ("History: see above.", "", "History: see above."),
        ("Cough. HISTORY: of asthma.", "", "Cough. History: of asthma."),
        ("INDICATION: Cough.", "HISTORY:", "INDICATION: Indication: Cough. HISTORY: History:"),
    ],
)
def test_sections_are_joined_with_labels_where_they_have_to_be_told_apart(
    indication, history, text
):
    assert join_context(indication, history) == text


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("A 58-year-old woman", ("A 58-year-old woman", "")),
        ("Cough. HISTORY: Asthma.", ("Cough. HISTORY: Asthma.", "")),
        ("INDICATION: Cough.", ("Cough.", "")),
        ("INDICATION:\nCough\n\nHISTORY:\nAsthma\n", ("Cough", "Asthma")),
        ("INDICATION:", ("", "")),
        ("INDICATIONS: Cough.", ("INDICATIONS: Cough.", "")),
        ("", ("", "")),
    ],
)
def test_any_text_is_split_and_one_without_a_label_is_an_indication(text, sections):
    assert split_context(text) == sections


WORDS = st.lists(
    st.sampled_from(["Cough.", "INDICATION:", "HISTORY:", "HISTORY", "history:", "\n", "é"])
    | st.text(max_size=4)
).map(" ".join)


@given(WORDS, WORDS)
def test_what_was_joined_is_split_into_the_same_sections(indication, history):
    text = join_context(indication, history)
    found = split_context(text or "")
    assert [part.lower() for part in found] == [
        part.strip().lower() for part in (indication, history)
    ]
    assert (join_context(*found) or "") == (text or ""), "nothing is changed a second time"
