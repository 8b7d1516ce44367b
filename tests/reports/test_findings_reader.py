"""The rule reader on single sentences: words, denial, doubt, and how far they reach."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cxrbench.reports.findings import FINDINGS, OTHER, read_findings, statuses
from cxrbench.reports.findings.keywords import keywords
from cxrbench.reports.findings.lexicon import Phrases, lexicon

YES, NO, MAYBE = "present", "absent", "uncertain"
EFFUSION, LESION, OPACITY, HEART = "Pleural Effusion", "Lung Lesion", "Lung Opacity", "Cardiomegaly"
SENTENCES = [
    # Denial before and behind, in lists, and where it ends.
    ("There is a small effusion.", {EFFUSION: YES}),
    ("No effusion, consolidation, or pneumothorax.",
     {EFFUSION: NO, "Consolidation": NO, "Pneumothorax": NO}),
    ("Neither effusion nor pneumothorax is seen.", {EFFUSION: NO, "Pneumothorax": NO}),
    ("Pneumothorax is not seen.", {"Pneumothorax": NO}),
    ("The effusion is small and pneumothorax is not seen.", {EFFUSION: YES, "Pneumothorax": NO}),
    ("No pneumothorax but a moderate effusion.", {EFFUSION: YES, "Pneumothorax": NO}),
    ("No pneumothorax; effusion on the left.", {EFFUSION: YES, "Pneumothorax": NO}),
    ("No pneumothorax, with a new effusion.", {EFFUSION: YES, "Pneumothorax": NO}),
    ("Cardiomegaly without edema.", {HEART: YES, "Edema": NO}),
    ("The lungs are free of focal opacities.", {OPACITY: NO}),
    ("The previously seen pneumonia has resolved.", {"Pneumonia": NO}),
    ("There has been interval resolution of the edema.", {"Edema": NO}),
    ("The chest tube has been removed.", {"Support Devices": NO}),
    ("No opacity to suggest pneumonia.", {OPACITY: NO, "Pneumonia": NO}),
    # What looks like denial.
    ("No change in the left effusion.", {EFFUSION: YES}),
    ("The effusion has not significantly changed.", {EFFUSION: YES}),
    ("The pneumothorax has nearly resolved.", {"Pneumothorax": YES}),
    ("Atelectasis, not present on the prior study.", {"Atelectasis": YES}),
    ("Pneumothorax with absent peripheral lung markings.", {"Pneumothorax": YES}),
    # Doubt.
    ("Possible effusion.", {EFFUSION: MAYBE}),
    ("A small effusion cannot be excluded.", {EFFUSION: MAYBE}),
    ("Cannot exclude pneumonia.", {"Pneumonia": MAYBE}),
    ("Opacity which may represent pneumonia.", {OPACITY: YES, "Pneumonia": MAYBE}),
    ("Opacity consistent with pneumonia.", {OPACITY: YES, "Pneumonia": YES}),
    ("Atelectasis versus pneumonia.", {"Atelectasis": MAYBE, "Pneumonia": MAYBE}),
    ("Effusion is suspected.", {EFFUSION: MAYBE}),
    ("Possible effusion without pneumothorax.", {EFFUSION: MAYBE, "Pneumothorax": NO}),
    ("A 2.5 cm lesion is worrisome for a mass.", {LESION: MAYBE}),
    ("The heart may be mildly enlarged.", {HEART: MAYBE}),
    ("Borderline cardiomegaly.", {HEART: MAYBE}),
    ("Blunting of the left costophrenic angle.", {EFFUSION: MAYBE}),
    # All is well.
    ("Heart size and mediastinal contours are normal.",
     {HEART: NO, "Enlarged Cardiomediastinum": NO}),
    ("The heart is not enlarged.", {HEART: NO}),
    ("The heart is not normal.", {}),
    ("Bony structures are intact.", {"Fracture": NO}),
    # Words within words, and words that are none.
    ("The trachea is midline.", {}),
    ("There is no mass effect, and outlines are clear.", {}),
    ("External monitoring leads overlie the chest.", {}),
    ("A dual-lead pacemaker is in place.", {"Support Devices": YES}),
    ("Pericardial effusion.", {}),
    ("Fractured screw.", {}),
    ("History of pneumonia.", {"Pneumonia": NO}),
    ("Biapical pleural thickening.", {"Pleural Other": YES}),
    ("Scarring at the left base.", {OPACITY: YES}),
]  # fmt: skip


def told(text):
    return {name: status for name, status in statuses(text).items() if name != "No Finding"}


@pytest.mark.parametrize(("text", "expected"), SENTENCES, ids=[text for text, _ in SENTENCES])
def test_a_sentence(text, expected):
    assert told(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in SENTENCES])
def test_case_and_line_breaks_do_not_matter(text):
    assert told(text.upper()) == told(text)
    assert told(text.replace(" ", "\n   ")) == told(text)


def test_what_is_said_twice():
    assert told("No effusion. Effusion is possible.") == {EFFUSION: MAYBE}
    assert told("Possible effusion. There is an effusion. No effusion.") == {EFFUSION: YES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lungs are clear. No effusion.", YES),
        ("Unremarkable chest radiograph.", YES),
        ("An endotracheal tube is in place.", YES),  # devices are no obstacle
        ("Possible small effusion.", None),
        ("Small effusion.", None),
        ("Emphysema. No effusion.", None),  # a finding without a name of its own
        ("No hiatal hernia.", YES),
        ("", None),
        (" \n.", None),
    ],
)
def test_no_finding_is_concluded(text, expected):
    assert statuses(text).get("No Finding") == expected


def test_mentions_say_where():
    text = "The heart is enlarged. No pleural effusion; emphysema.\nLungs are clear."
    found = [(m.finding, text[m.start : m.end], m.status) for m in read_findings(text)]
    assert found[:3] == [
        (HEART, "heart is enlarged", YES),
        (EFFUSION, "pleural effusion", NO),
        (OTHER, "emphysema", YES),
    ]
    assert {(text[m.start : m.end], m.status) for m in read_findings(text)[3:]} == {
        ("Lungs are clear", NO)
    }
    assert OPACITY in {name for name, *_ in found[3:]}


def test_the_file_of_a_report_is_read_where_it_tells_what_is_seen():
    text = (
        " INDICATION:  Evaluate for pneumothorax.\n \n COMPARISON: ___.\n\n FINDINGS:\n\n A small\n"
        " effusion is noted.\n\n IMPRESSION: 1. Effusion. 2. Cardiomegaly.\n\n"
        " RECOMMENDATION(S): CT to rule out a mass.\n"
    )
    assert told(text) == {EFFUSION: YES, HEART: YES}
    unheaded = " HISTORY: pneumonia.\n\n A small effusion is noted.\n Edema.\n"
    assert told(unheaded) == {EFFUSION: YES, "Edema": YES}


def test_headers_of_structured_reports_are_no_findings():
    lines = (
        "Pleura:\n- No effusion\n- Small pneumothorax\n\n"
        "Tubes, Catheters, and Support Devices:\n- None.\n\nOther:\n- Mild edema.\n"
    )
    glued = "Pleura:- No effusion.- Small pneumothorax.Tubes, Catheters, and Support Devices:- None"
    assert told(lines) == {EFFUSION: NO, "Pneumothorax": YES, "Edema": YES}
    assert told(glued) == {EFFUSION: NO, "Pneumothorax": YES}


def test_the_findings_are_those_of_the_label_table():
    from cxrbench.phantom.text.observations import OBSERVATIONS

    assert FINDINGS == OBSERVATIONS


@given(st.text(alphabet=st.sampled_from("no effusion.,;:-(\n 12AX_é"), max_size=80))
def test_any_text_can_be_read(text):
    for mention in read_findings(text):
        assert text[mention.start : mention.end].strip()
        assert mention.finding in {*FINDINGS[:-1], OTHER}
    assert set(statuses(text)) <= set(FINDINGS)


@given(st.lists(st.sampled_from([text for text, _ in SENTENCES]), max_size=6))
def test_sentences_do_not_reach_into_each_other(parts):
    rank = (None, NO, MAYBE, YES)
    expected = {}
    for part in parts:
        for name, status in told(part).items():
            expected[name] = max(expected.get(name), status, key=rank.index)
    assert told(" ".join(parts)) == expected


def test_phrases():
    assert Phrases(["a b"]).spans("A\nb, a-b, ab, xa b, a  b") == [(0, 3), (5, 8), (20, 24)]
    assert Phrases(["a .. b"]).spans("a one 2.5 b; a and b; a, b") == [(0, 11)]
    assert Phrases(["a ... b"]).spans("a and b; a 1 2 3 4 5 b") == [(0, 7)]
    assert Phrases(["b", "a b c"]).spans("a b c") == [(0, 5)]
    assert Phrases([]).spans("a") == []


def test_phrases_of_the_word_lists_are_written_as_the_form_asks():
    """A blank with a quantifier of its own would ask for a blank."""
    from importlib import resources

    def strings(node):
        if isinstance(node, dict):
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                yield from strings(item)
        else:
            yield node

    for name in ("lexicon.yaml", "keywords.yaml"):
        file = resources.files("cxrbench.reports.findings").joinpath(name)
        for phrase in strings(yaml.safe_load(file.read_text(encoding="utf-8"))):
            assert isinstance(phrase, str)  # "no" and "on" are no words for YAML
            assert not re.search(r" [?*+]|  ", phrase), phrase
            gaps = re.findall(r"\S?\.{2,}\S?", phrase)
            assert set(gaps) <= {"..", "..."}, phrase
            Phrases([phrase])
    assert set(lexicon().findings) == {*FINDINGS[:-1], OTHER}


def test_keywords():
    text = "Small left-sided effusion at the base. No right pneumothorax. The heart is normal."
    assert keywords(text) == {EFFUSION, "small", "left", "base", "heart"}
    assert keywords("Unchanged bibasilar atelectasis.") == {
        "Atelectasis", "unchanged", "base", "bilateral",
    }  # fmt: skip
    assert keywords("Tip of the NG tube in the stomach.") == {
        "Support Devices", "feeding tube", "stomach",
    }  # fmt: skip
    assert keywords("No acute process.") == keywords("") == frozenset()
    assert keywords("Pleura:\n- Emphysema may be present.\n") == {"emphysema"}
