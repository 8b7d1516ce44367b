"""The page of reports side by side, and the words that it marks."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.reports.page import render_page
from cxrbench.reports.page_findings import marks, outcomes
from cxrbench.reports.pairs import ReportPairs
from cxrbench.reports.words import common_length, common_places

NAN = float("nan")
WORDS = st.lists(st.sampled_from("abcd"), max_size=9)


@given(WORDS, WORDS)
def test_the_longest_common_subsequence(first, second):
    def length(a, b):  # the definition
        if not a or not b:
            return 0
        if a[0] == b[0]:
            return 1 + length(a[1:], b[1:])
        return max(length(a[1:], b), length(a, b[1:]))

    expected = length(first[:7], second[:7])
    assert common_length(first[:7], second[:7]) == expected
    here, there = common_places(first, second)
    assert [first[i] for i in here] == [second[i] for i in there]
    assert here == sorted(set(here))
    assert there == sorted(set(there))
    assert len(here) == common_length(first, second)


class Page(HTMLParser):
    """Headings, the texts of reports, and in them the words in common and the findings."""

    def __init__(self, html):
        super().__init__()
        self.open, self.heads, self.texts, self.tags = [], [], [], set()
        self.common, self.marks, self.lines = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag != "meta":
            self.open.append((tag, dict(attributes)))
            if dict(attributes).get("class") == "report":
                self.texts.append("")
            if dict(attributes).get("class") == "findings":
                self.lines.append("")
            if tag == "mark" and "title" in dict(attributes):
                self.marks.append(["", dict(attributes)["class"], dict(attributes)["title"]])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if tags and tags[-1] in {"h2", "h3"}:
            self.heads.append(data)
        if any(attributes.get("class") == "report" for _, attributes in self.open):
            self.texts[-1] += data
            if tags[-1] == "u":
                self.common.append(data)
            if "mark" in tags:
                self.marks[-1][0] += data
        if any(attributes.get("class") == "findings" for _, attributes in self.open):
            self.lines[-1] += data


def page(references, generated, scores, cases=2, groups=None):
    ids = tuple(f"r{i}" for i in range(len(references)))
    pairs = ReportPairs("f<i>le.csv", ids, tuple(references), tuple(generated), groups)
    return render_page(pairs, {"rouge-l": scores}, "rouge-l", ["m"], [["<b>"]], cases, ["a & b"])


def test_worst_and_best_first():
    found = Page(page(["a"] * 6, ["b"] * 6, [0.5, 0.1, 0.9, NAN, 0.3, 0.7]))
    assert found.heads == ["Worst", "r1", "r4", "Best", "r3", "r2"]
    few = Page(page(["a"] * 3, ["b"] * 3, [0.5, 0.1, 0.9]))
    assert few.heads == ["Worst", "r1", "r0", "Best", "r2"]


def test_common_words_are_marked_whatever_their_case():
    found = Page(page(["The heart is <big>, 2.5 cm."], ["Heart: BIG & 2.5 mm"], [0.5]))
    assert found.texts == ["The heart is <big>, 2.5 cm.", "Heart: BIG & 2.5 mm"]
    assert found.common == ["heart", "big", "2.5", "Heart", "BIG", "2.5"]
    joined = Page(page(["no large effusion"], ["no large mass"], [0.5]))
    assert joined.common == ["no large", "no large"]


def test_findings_are_marked_by_outcome():
    reference = "Pulmonary edema. Small effusion. No pneumothorax."
    generated = "Mild edema may be present. There is a pneumothorax. No fracture."
    found = Page(page([reference], [generated], [0.5]))
    assert found.texts == [reference, generated]
    assert found.marks == [
        ["Pulmonary edema", "both", "Edema: present, in the generated report uncertain"],
        ["effusion", "missed",
         "Pleural Effusion: present, in the generated report not mentioned"],
        ["pneumothorax", "missed denied",
         "Pneumothorax: absent, in the generated report present"],
        ["edema", "both", "Edema: uncertain, in the reference present"],
        ["pneumothorax", "added", "Pneumothorax: present, in the reference absent"],
        ["fracture", "added denied", "Fracture: absent, in the reference not mentioned"],
    ]  # fmt: skip
    assert found.lines == ["in both: Edema · missed: Pleural Effusion · added: Pneumothorax"]


def test_findings_of_the_same_words_are_one_mark():
    left, right = marks("A nodular opacity. Lungs are clear.", "An opacity. No edema.")
    assert [(m.start, m.end, m.outcome, m.denied) for m in left] == [
        (2, 17, "missed", False),  # the lesion is missed, the opacity is not
        (19, 34, "both", True),  # edema is denied by both
    ]
    assert [name.partition(":")[0] for name in left[0].title.split("; ")] == [
        "Lung Lesion", "Lung Opacity",
    ]  # fmt: skip
    assert [(m.start, m.end, m.outcome, m.denied) for m in right] == [
        (3, 10, "both", False), (15, 20, "both", True),
    ]  # fmt: skip


def test_the_line_of_findings_names_what_is_concluded():
    assert outcomes("Clear lungs.", "Effusion. Cardiomegaly.") == {
        "both": [], "missed": ["No Finding"], "added": ["Cardiomegaly", "Pleural Effusion"],
    }  # fmt: skip
    assert Page(page(["Emphysema."], [""], [0.0])).lines == ["no finding is stated in either"]


SAYINGS = st.sampled_from(
    [
        "No effusion. ",
        "Small effusion, ",
        "opacity <b> & ",
        "lungs are clear. ",
        "nodular opacity ",
        "",
    ]
)


@given(st.lists(SAYINGS), st.lists(SAYINGS))
def test_marks_are_in_order_and_agree_with_the_counts(ours, theirs):
    texts = "".join(ours), "".join(theirs)
    sides = marks(*texts)
    for text, side, differs in zip(texts, sides, ("missed", "added"), strict=True):
        places = [0, *(place for mark in side for place in (mark.start, mark.end)), len(text)]
        assert places == sorted(places)
        assert {mark.outcome for mark in side} <= {"both", differs}
    found = outcomes(*texts)
    if not any(found[side] for side in ("missed", "added")):
        assert all(mark.denied or mark.outcome == "both" for side in sides for mark in side)
    assert Page(page([texts[0] or "x"], [texts[1]], [1.0])).texts[0] == (texts[0] or "x")


@given(st.text(max_size=30), st.text(max_size=30), st.text(min_size=1, max_size=8))
def test_texts_are_shown_as_they_are_and_never_run(reference, generated, group):
    html = page([f"{reference}<script>x"], [f"{generated}</p>&amp;"], [1.0], groups=(group,))
    found = Page(html.replace("\r", "\n"))
    shown = [f"{reference}<script>x", f"{generated}</p>&amp;"]
    assert found.texts == [text.replace("\r", "\n") for text in shown]
    assert "script" not in found.tags


def test_the_page_needs_nothing_else():
    html = page(["a"], [""], [0.0])
    assert not re.search(r"https?://|src=|<link|@import|url\(", html)
    assert "nothing was written" in html
    assert "confidential" in html
    assert "f&lt;i&gt;le.csv" in html
    assert "<td>&lt;b&gt;</td>" in html
    assert "a &amp; b" in html


@pytest.mark.parametrize("cases", [1, 3])
def test_as_many_cases_as_were_asked_for(cases):
    found = Page(page(["a"] * 9, ["b"] * 9, list(range(9)), cases))
    assert len(found.texts) == 2 * 2 * cases
