"""Structured reports: taken apart with line breaks or glued, and what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.errors import DataError
from cxrbench.reports.structured import HEADERS, StructuredReport, parse_structured

WORDS = st.lists(
    st.sampled_from(["clear", "left-sided", "2.5 cm", "tube", "heart", "other", "pleura"]),
    min_size=1,
    max_size=5,
).map(" ".join)
BULLET = WORDS.map(lambda text: f"Seen {text}")
REPORTS = st.dictionaries(
    st.sampled_from(HEADERS), st.lists(BULLET, min_size=1, max_size=3).map(tuple), min_size=1
)


def printed(sections, stop="."):
    return "\n\n".join(
        f"{header}:\n" + "\n".join(f"- {bullet}{stop}" for bullet in bullets)
        for header, bullets in sections.items()
    )


def ended(sections, stop="."):
    return {header: tuple(f"{b}{stop}" for b in bullets) for header, bullets in sections.items()}


@given(REPORTS, st.sampled_from([".", ""]))
def test_with_line_breaks_and_without_them_it_is_the_same_report(sections, stop):
    text = printed(sections, stop)
    for form in (text, text.replace("\n", ""), text.replace("\n", "\r\n")):
        found = parse_structured(form)
        assert dict(found.sections) == ended(sections, stop)
        assert list(found.sections) == list(sections)
        assert found.problems() == []


@given(REPORTS)
def test_blanks_in_place_of_line_breaks(sections):
    found = parse_structured(printed(sections).replace("\n", " "))
    assert dict(found.sections) == ended(sections)


@given(REPORTS)
def test_what_is_rendered_is_read_back(sections):
    ordered = {header: sections[header] for header in HEADERS if header in sections}
    rendered = StructuredReport(sections).render()
    assert dict(parse_structured(rendered).sections) == ordered
    assert rendered == StructuredReport(ordered).render()


def test_glued_text():
    text = (
        "Tubes, Catheters, and Support Devices:- ET tube in good placement.- Left-sided PICC"
        "Lungs and Airways:- Clear - no focal opacity.Pleura:- No effusion."
    )
    found = parse_structured(text)
    assert dict(found.sections) == {
        "Tubes, Catheters, and Support Devices": ("ET tube in good placement.", "Left-sided PICC"),
        "Lungs and Airways": ("Clear - no focal opacity.",),
        "Pleura": ("No effusion.",),
    }
    assert found.text("Tubes, Catheters, and Support Devices") == (
        "ET tube in good placement. Left-sided PICC"
    )
    assert found.text("Abdominal") == ""


def test_what_is_no_header():
    found = parse_structured("Pleura:\n- Other: none. Abdominal, no change\n  goes on here\n- B")
    assert dict(found.sections) == {
        "Pleura": ("Other: none. Abdominal, no change goes on here", "B")
    }


def test_case_blanks_bullets_and_repeated_headers():
    found = parse_structured("PLEURA :\n* A\n• B\nlungs  and airways:\n-C\nPleura: D")
    assert dict(found.sections) == {"Pleura": ("A", "B", "D"), "Lungs and Airways": ("C",)}


@pytest.mark.parametrize(
    ("text", "problem", "advice"),
    [
        ("Lung and Airway:\n- Clear.\n", "unknown header 'Lung and Airway'", "Lungs and Airways"),
        ("Pleura:- A.Stomach:- B.", "unknown header 'Stomach'", ""),
        ("Clear.\nPleura:\n- A.\n", "text before the first header", "Lungs and Airways"),
        ("Pleura:\n\nOther:\n- A\n", "nothing stands under Pleura", ""),
        ("The lungs are clear.", "no known header", ""),
        ("", "no known header", ""),
    ],
)
def test_what_is_wrong_is_told(text, problem, advice):
    found = parse_structured(text)
    with pytest.raises(DataError) as caught:
        found.require_valid("report 3")
    assert "report 3 is not a structured report" in caught.value.what
    assert problem in caught.value.why
    assert advice in caught.value.fix


def test_text_below_an_unknown_header_is_in_no_section():
    found = parse_structured("Pleura:\n- A\n\nStomach:\n- B\n\nOther:\n- C\n")
    assert dict(found.sections) == {"Pleura": ("A",), "Other": ("C",)}
    assert found.unknown == ("Stomach",)
    valid = parse_structured("Pleura:\n- A")
    assert valid.require_valid() is valid
