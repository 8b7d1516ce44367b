"""Files of reports: what is read, and what is said of those that cannot be."""

import csv
import json

import pytest

from cxrbench.errors import BadRequest, DataError
from cxrbench.reports.pairs import read_pairs

HEADER = ["dicom_id", "reference_report", "generated_report", "patient"]
ROWS = [["d1", "No effusion.", "Clear, lungs.", "p1"], ["d2", 'Heart "big"\nline', "", "p1"]]


@pytest.fixture
def write(tmp_path):
    def save(rows=None, header=HEADER, name="reports.csv", encoding="utf-8"):
        path = tmp_path / name
        with path.open("w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows([header, *(ROWS if rows is None else rows)])
        return path

    return save


@pytest.fixture
def write_json(tmp_path):
    def save(content):
        path = tmp_path / "reports.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return save


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_is_read_as_it_is(write, encoding):
    pairs = read_pairs(write(encoding=encoding), group="patient")
    assert pairs.ids == ("d1", "d2")
    assert pairs.references == ("No effusion.", 'Heart "big"\nline')
    assert pairs.generated == ("Clear, lungs.", "")
    assert pairs.groups == ("p1", "p1")
    assert (pairs.name, pairs.has_ids, len(pairs)) == ("reports.csv", True, 2)


def test_words_that_look_like_missing_values_stay_words(write):
    assert read_pairs(write([["1", "NA", "None", ""]])).references == ("NA",)


def test_ids_are_told_numbered_or_of_another_column(write):
    rows = [["a", "b"], ["c", "d"]]
    bare = read_pairs(write(rows, ["reference_report", "generated_report"]))
    assert (bare.ids, bare.has_ids, bare.groups) == (("1", "2"), False, None)
    assert read_pairs(write([ROWS[0]]), id_column="patient").ids == ("p1",)
    both = read_pairs(write([["7", "r", "g"]], ["id", "reference_report", "generated_report"]))
    assert both.ids == ("7",)


@pytest.mark.parametrize(
    ("gt", "prediction"), [("gt", "prediction"), ("ground_truth", "model_prediction")]
)
def test_json_by_id(write_json, gt, prediction):
    entries = {"s1": {gt: "r1", prediction: "g1", "id": ["x"]}, "s2": {gt: "r2", prediction: ""}}
    pairs = read_pairs(write_json(entries))
    assert (pairs.ids, pairs.references, pairs.generated) == (
        ("s1", "s2"), ("r1", "r2"), ("g1", ""),
    )  # fmt: skip


def test_json_with_sections_and_as_a_list(write_json):
    entry = {"section_findings": "Clear.", "section_impression": "Normal.", "model_prediction": "g"}
    assert read_pairs(write_json({"s": entry})).references == (
        "Findings: Clear. Impression: Normal.",
    )
    without = {**entry, "section_findings": None}
    assert read_pairs(write_json({"s": without})).references == ("Impression: Normal.",)
    listed = read_pairs(write_json([{"id": 5, "gt": "r", "prediction": "g"}]))
    assert (listed.ids, listed.has_ids) == (("5",), True)


def refused(path, **options):
    with pytest.raises((DataError, BadRequest)) as caught:
        read_pairs(path, **options)
    assert caught.value.exit_code == 2
    for line in (caught.value.what, caught.value.why, caught.value.fix):
        assert line
        assert "\n" not in line
    return str(caught.value)


@pytest.mark.parametrize(
    ("rows", "header", "expected"),
    [
        (None, ["id", "reference", "hypothesis", "x"], "no column generated_report"),
        (None, ["id", "x", "generated_report", "y"], "no column reference_report"),
        (None, ["id", "id", "reference_report", "generated_report"], "the column id twice"),
        ([["d1", "a", "b", "p"], ["d1", "c", "d", "p"]], HEADER, "ids more than once"),
        ([["d1", "", "b", "p"]], HEADER, "reference report of reports.csv is empty"),
        ([["d1", "  ", "b", "p"]], HEADER, "reference report of reports.csv is empty"),
        ([["d1", "a", "nan", "p"]], HEADER, "generated_report is nan"),
        ([["d1", "a"]], HEADER, "row 1: generated_report is missing"),
        ([["", "a", "b", "p"]], HEADER, "has no id"),
        ([["d1", "a", "b", "p", "q"]], HEADER, "does not fit its header"),
        ([], HEADER, "holds no reports"),
    ],
)
def test_a_wrong_csv(write, rows, header, expected):
    assert expected in refused(write(rows, header))


def test_wrong_bytes(write, tmp_path):
    assert "line 2 has bytes" in refused(write([["1", "é", "b", "c"]], encoding="latin-1"))
    assert "seems to be in UTF-16" in refused(write(encoding="utf-16"))
    assert "not UTF-8 text" in refused(write([["1", "a\0", "b", "c"]]))
    for name, content, expected in (
        ("empty.csv", b"", "holds no reports"),
        ("open.csv", b'id,reference_report,generated_report\n1,"a,b\n', "is no CSV"),
        ("a.txt", b"", ".txt is no known kind"),
    ):
        (tmp_path / name).write_bytes(content)
        assert expected in refused(tmp_path / name)
    assert "cannot be read" in refused(tmp_path / "absent.csv")


def test_columns_that_were_named_must_be_there(write):
    assert "did you mean patient?" in refused(write(), group="patients")
    assert "no column study" in refused(write(), id_column="study")
    assert "belongs to no group" in refused(write([["d1", "a", "b", ""]]), group="patient")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "is no JSON"),
        ("{}", "holds no reports"),
        ("3", "unknown form"),
        ('{"s": "text"}', "entry s is no object"),
        ('{"s": {"gt": "a", "prediction": "b"}, "s": {"gt": "a", "prediction": "b"}}', "ids more"),
        ('{"s": {"gt": NaN, "prediction": "b"}}', "gt is nan"),
        ('{"s": {"gt": "a", "prediction": null}}', "prediction is missing"),
        ('{"s": {"gt": ["secret"], "prediction": "b"}}', "gt is a list"),
        ('{"s": {"gt": "a"}}', "no column generated_report"),
        ('{"s": {"findings": "", "impression": null, "prediction": "b"}}', "neither findings nor"),
    ],
)
def test_a_wrong_json(write_json, content, expected):
    said = refused(write_json(content))
    assert expected in said
    assert "secret" not in said
