"""The rule reader against the label table of phantoms, whose reports tell what is there."""

import pytest
from cxrbench_tasks.phantoms.mimic_cxr import mimic_reports, mimic_world

from cxrbench.phantom.text.compose import compose
from cxrbench.phantom.text.observations import merged
from cxrbench.phantom.text.structured import structure
from cxrbench.phantom.world import PhantomWorld
from cxrbench.reports.findings import FINDINGS, statuses

RARELY = "Enlarged Cardiomediastinum"
STATES = {"positive": "present", "uncertain": "uncertain"}


RARE = ("Fracture", "Aortic_Enlargement", "Tuberculosis", "Covid", "Calcification")


@pytest.fixture(scope="module", params=[3, 4, "rare"])
def reports(request):
    """Reports of the phantom MIMIC-CXR of two seeds, and of a world with all that can be had."""
    if request.param == "rare":
        world = PhantomWorld(70, 5, 64, prevalences=dict.fromkeys(RARE, 0.08))
        found = [compose(patient, study, seed=5) for patient, study in world]
    else:
        found = list(mimic_reports(mimic_world(70, request.param, 64)).values())
    seen = {name for report in found for name in truth(report.mentions)}
    assert seen >= set(FINDINGS) - ({RARELY} if request.param != "rare" else set())
    assert len(found) > 150
    return found


def truth(mentions):
    """What is not denied; a report need not deny what the image does not show."""
    return {name: STATES[state] for name, state in mentions.items() if state in STATES}


def read(text):
    return {name: status for name, status in statuses(text).items() if status != "absent"}


def body(report):
    sections = f"{report.findings} {report.impression}".strip()
    return sections or " ".join(sentence.text for sentence in report.sentences)


@pytest.mark.parametrize("form", [body, lambda report: report.text()], ids=["sections", "file"])
def test_free_text(reports, form):
    wrong = [
        (read(form(r)), truth(r.mentions), body(r))
        for r in reports
        if read(form(r)) != truth(r.mentions)
    ]
    assert wrong == []


@pytest.mark.parametrize("glued", [False, True])
def test_structured_reports(reports, glued):
    wrong = []
    for report in reports:
        said = [one for one in report.sentences if one.section == "findings"] or report.sentences
        expected = truth(
            merged((one.observations for one in said), other=any(one.finding for one in said))
        )
        text = structure(report).replace("\n", "" if glued else "\n")
        if read(text) != expected:
            wrong.append((read(text), expected, text))
    assert wrong == []


def test_denials_are_read_where_reports_have_them(reports):
    """Every denial of the label table is one of the reader, unless the finding is there too."""
    for report in reports:
        denied = {name for name, state in report.mentions.items() if state == "negative"}
        found = statuses(body(report))
        assert {name for name in denied if found.get(name) != "absent"} == set(), body(report)
