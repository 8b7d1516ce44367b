"""`cxrbench label`: tables of observations, read again by the adapter of MIMIC-CXR."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest
import reader_files
from cxrbench_tasks.phantoms.mimic_cxr import write

from cxrbench.data.open import find_download, read
from cxrbench.metrics.text.ids import CLINICAL, KEYWORD_RECALL
from cxrbench.readers import files, find_reader
from cxrbench.readers.chexbert import CheXbert
from cxrbench.readers.observations import OBSERVATIONS
from cxrbench.registry import Registry

NAME = "mimic-cxr-2.0.0-chexbert.csv.gz"
ROWS = [("7", "Small left pleural effusion."), ("8", ""), ("9", "The heart is normal in size.")]
CELLS = ["", "1.0", "0.0", "-1.0"]


@pytest.fixture
def here(monkeypatch, tmp_path):
    """CheXbert in its true form, small and with procedural weights."""
    monkeypatch.setattr(files, "_failed", {})
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    folder = reader_files.use_small_cards(monkeypatch, tmp_path / "readers")
    reader_files.write_chexbert(folder / "chexbert", *reader_files.chexbert_parts())
    return folder


@pytest.fixture(scope="module")
def mimic(tmp_path_factory):
    root = tmp_path_factory.mktemp("mimic") / "jpg"
    write(root, patients=12, seed=3, size=32)
    return root


@pytest.fixture
def table(tmp_path):
    return save(tmp_path / "reports.csv", ("study_id", "report"))


def save(path, header, rows=ROWS):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def collection(root):
    card = Registry.discover().datasets.get("mimic-cxr").card
    return read(find_download(card, {"mimic-cxr": root}))


def test_the_adapter_reads_what_was_written(answer, here, mimic, request):
    before = collection(mimic)
    out = mimic / NAME
    request.addfinalizer(lambda: out.unlink(missing_ok=True))
    told = answer("label", "mimic-cxr", "--data-root", f"mimic-cxr={mimic}", "--out", out)
    found = collection(mimic)
    assert NAME in found.layout
    assert NAME not in before.layout
    reader = CheXbert.load(find_reader("chexbert"))
    columns = [OBSERVATIONS.index(name) for name in found.labels]
    assert len({sample.study for sample in found.samples}) > 12
    reports = [sample.report for sample in found.samples]
    texts = [report.impression or report.findings if report else "" for report in reports]
    expected = reader.label(texts)[:, columns]
    expected[[not text for text in texts]] = 0
    np.testing.assert_array_equal(found.mentions, expected)
    assert {0, 1, 2, 3} == set(found.mentions.ravel().tolist())
    studies = {sample.study for sample in found.samples if sample.report}
    assert told["reports"] + told["without_text"] == len(studies)
    assert told["readers"] == find_reader("chexbert").sha256
    for counts in told["observations"].values():
        assert sum(counts.values()) == told["reports"]
    with gzip.open(out, "rt") as file:
        header = next(csv.reader(file))
    with gzip.open(mimic / "mimic-cxr-2.0.0-chexpert.csv.gz", "rt") as file:
        assert header == next(csv.reader(file))


@pytest.mark.parametrize("part", ["impression", "findings", "both"])
def test_parts_of_reports(answer, here, mimic, tmp_path, part):
    out = tmp_path / "labels.csv"
    options = ("--data-root", f"mimic-cxr={mimic}", "--part", part)
    answer("label", "mimic-cxr", *options, "--out", out)
    reports = {s.study: s.report for s in collection(mimic).samples if s.report}
    texts = {
        study: {"impression": r.impression, "findings": r.findings}.get(
            part, f"{r.findings} {r.impression}"
        )
        for study, r in reports.items()
    }
    reader = CheXbert.load(find_reader("chexbert"))
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["study_id"] for row in rows} == {study for study in texts if texts[study].strip()}
    classes = reader.label([texts[row["study_id"]] for row in rows])
    for row, codes in zip(rows, classes, strict=True):
        assert [row[name] for name in OBSERVATIONS] == [CELLS[code] for code in codes]


def test_a_file_keeps_its_ids_and_loses_reports_without_text(cli, here, table, tmp_path):
    out = tmp_path / "labels.csv"
    done = cli("label", table, "--out", out)
    assert done.code == 0
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["study_id", *sorted(OBSERVATIONS)]
    assert [row["study_id"] for row in rows] == ["7", "9"]
    assert "1 reports have no text" in done.err
    assert "Cardiomegaly" in done.out
    assert "pleural effusion" not in out.read_text() + done.out + done.err
    again = tmp_path / "again.csv.gz"
    assert cli("label", table, "--out", again).code == 0
    assert gzip.decompress(again.read_bytes()) == out.read_bytes()


def test_columns_are_found_or_named(answer, here, tmp_path):
    both = save(
        tmp_path / "both.csv",
        ("subject_id", "study_id", "text"),
        [("1", *row) for row in ROWS],
    )
    answer("label", both, "--out", tmp_path / "1.csv")
    assert (tmp_path / "1.csv").read_text().startswith("subject_id,study_id,Atelectasis,")
    other = save(tmp_path / "other.csv", ("accession", "words"))
    names = ("--text-column", "words", "--id-column", "accession")
    answer("label", other, *names, "--out", tmp_path / "2.csv")
    assert (tmp_path / "2.csv").read_text().startswith("accession,Atelectasis,")


def test_bad_requests_are_refused_before_anything_is_read(refused, tmp_path, table):
    out = tmp_path / "labels.csv"
    assert "has no column of reports words" in refused(
        "label", table, "--text-column", "words", "--out", out
    )
    other = save(tmp_path / "other.csv", ("accession", "report"))
    assert "--id-column" in refused("label", other, "--out", out)
    assert "it is the file that is read" in refused("label", table, "--out", table)
    assert "it is no table" in refused("label", table, "--out", tmp_path / "labels.json")
    assert "unknown --part words" in refused("label", table, "--part", "words", "--out", out)
    assert (
        "has no report"
        in refused("label", save(tmp_path / "empty.csv", ("id", "report"), []), "--out", out)
        or not out.exists()
    )
    assert "unknown task or data set: mimic" in refused("label", "mimic", "--out", out)
    assert not out.exists()


def test_without_chexbert_it_says_what_to_do(refused, monkeypatch, tmp_path, table):
    monkeypatch.setattr(files, "_failed", {})
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    error = refused("label", table, "--out", tmp_path / "labels.csv")
    assert "CheXbert is not on this machine" in error
    assert "cxrbench weights fetch chexbert" in error
    assert not (tmp_path / "labels.csv").exists()


def test_scores_of_a_file(answer, here, tmp_path):
    rows = [(str(i), text, made) for i, (text, made) in enumerate(
        [("No edema.", "Edema."), ("The lungs are clear.", "Clear lungs."), ("Large heart.", "-")]
    )]  # fmt: skip
    file = save(tmp_path / "made.csv", ("id", "reference_report", "generated_report"), rows)
    found = answer("score", file, "--metrics", "f1chexbert", "--replicates", "20")["metrics"]
    assert len(found) == 20
    for name, one in found.items():
        assert 0 <= one["value"] <= 1
        assert set(one["readers"]) == {"chexbert", "chexbert-vocabulary"}
        assert ("per_class" in one) == name.endswith("macro")


def test_clinical_scores_without_weights_are_null_with_a_reason(answer, cli, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "_failed", {})
    rows = [("1", "Small left effusion.", "Small effusion."), ("2", "No edema.", "Edema.")]
    file = save(tmp_path / "made.csv", ("id", "reference_report", "generated_report"), rows)
    found = answer("score", file, "--metrics", "clinical", "--replicates", "10")["metrics"]
    assert list(found) == list(CLINICAL)
    for name, one in found.items():
        assert (one["value"] is None) == bool(one["reason"]), name
    assert [name for name, one in found.items() if one["value"] is not None] == [KEYWORD_RECALL]
    done = cli("score", file, "--metrics", "clinical", "--replicates", "0")
    assert done.code == 0
    line = next(line for line in done.out.splitlines() if "chexbert-f1-14-micro" in line)
    assert line.split()[1:3] == ["–", "–"]
    assert "no value. CheXbert is not on this machine" in done.err


def test_fetching_and_finding(cli, answer, here):
    done = cli("weights", "fetch", "chexbert")
    assert done.code == 0
    assert str(here / "chexbert" / "chexbert.pth") in done.out
    rows = answer("weights", "where", "chexbert")
    assert [row["file"] for row in rows] == ["chexbert", "chexbert-vocabulary"]
    assert json.dumps(rows).count(str(here)) == 2
    assert {row["model"] for row in answer("weights", "where", "srr-*")} == {"srr-bert-leaves"}
