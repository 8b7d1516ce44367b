"""`cxrbench score FILE`: scores of anyone's reports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge

ROWS = [
    ("a", "The heart is big.", "Heart is big.", "p1"),
    ("b", "No pleural effusion.", "No effusion.", "p1"),
    ("c", "Lungs are clear.", "Lungs are clear.", "p2"),
    ("d", "Lungs are clear.", "", "p3"),
    ("e", "Small left <b>effusion</b>, unchanged.", "A big one.", "p4"),
    ("f", "Normal heart size.", "Normal size of the heart.", "p5"),
]
HEADER = ("id", "reference_report", "generated_report", "patient")
SPACED = {i: [text.replace(".", " .")] for i, (_, text, _, _) in enumerate(ROWS)}
MADE = {i: [text.replace(".", " .")] for i, (_, _, text, _) in enumerate(ROWS)}
FAST = ("--metrics", "bleu1,bleu4,rouge-l,cider")


def save(path, rows, header=HEADER):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def file(tmp_path):
    return save(tmp_path / "reports.csv", ROWS)


@pytest.fixture
def no_java(monkeypatch, tmp_path):
    from cxrbench.metrics.text import meteor

    meteor._program.cache_clear()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


def test_json_holds_the_values_of_pycocoevalcap(answer, file):
    found = answer("score", file, *FAST, "--replicates", "50")
    assert (found["file"], found["reports"], found["distinct_references"]) == ("reports.csv", 6, 5)
    metrics = found["metrics"]
    names = ["bleu1", "bleu4", "rouge-l", "cider"]
    assert list(metrics) == [f"{name}-coco-dotspace" for name in names]
    assert [one["name"] for one in metrics.values()] == names
    bleu, _ = Bleu(4).compute_score(SPACED, MADE, verbose=0)
    assert metrics["bleu1-coco-dotspace"]["value"] == bleu[0]
    assert metrics["bleu4-coco-dotspace"]["value"] == bleu[3]
    assert metrics["rouge-l-coco-dotspace"]["value"] == Rouge().compute_score(SPACED, MADE)[0]
    for one in metrics.values():
        assert one["n"] == 6
        assert one["ci95"][0] <= one["value"] <= one["ci95"][1]
        assert one["ci_method"] == "bootstrap-sample-percentile-50"
        assert one["floor"] >= 0


def test_lexical_is_the_default_and_says_why_meteor_has_no_value(answer, file, no_java, cli):
    metrics = answer("score", file, "--replicates", "0")["metrics"]
    names = ["bleu1", "bleu2", "bleu3", "bleu4", "meteor", "rouge-l", "cider"]
    assert [one["name"] for one in metrics.values()] == names
    without = [one["name"] for one in metrics.values() if one["value"] is None]
    assert without == ["meteor"]
    assert metrics["meteor-coco-dotspace"]["reason"].startswith("Java was not found")
    done = cli("score", file, "--replicates", "0")
    assert done.code == 0
    line = next(line for line in done.out.splitlines() if line.startswith(" meteor"))
    assert line.split()[1] == "–"
    assert "meteor-coco-dotspace: no value. Java was not found" in done.err


def test_presets_cuts_and_levels_are_in_the_id(answer, file):
    options = ("--preset", "raw", "--cut-references", "2", "--unique-references")
    found = answer("score", file, "--metrics", "bleu1,cider-raw", *options)
    assert list(found["metrics"]) == ["bleu1-raw-ref2words-unique-refs", "cider-raw"]


def test_groups_are_resampled_together(answer, file):
    found = answer("score", file, *FAST, "--group", "patient", "--replicates", "50")
    assert found["groups"] == 5
    methods = {one["ci_method"] for one in found["metrics"].values()}
    assert methods == {"bootstrap-patient-percentile-50"}


def test_the_same_numbers_from_json(answer, file, tmp_path):
    other = tmp_path / "reports.json"
    entries = {name: {"gt": gt, "model_prediction": made} for name, gt, made, _ in ROWS}
    other.write_text(json.dumps(entries))
    found = [
        answer("score", path, *FAST, "--replicates", "20")["metrics"] for path in (file, other)
    ]
    assert found[0] == found[1]


def test_values_of_each_report(cli, file, tmp_path):
    out = tmp_path / "each.csv"
    assert cli("score", file, *FAST, "--per-report", out, "--replicates", "0").code == 0
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [row["id"] for row in rows] == [row[0] for row in ROWS]
    _, each = Rouge().compute_score(SPACED, MADE)
    assert [float(row["rouge-l-coco-dotspace"]) for row in rows] == each.tolist()
    assert "heart" not in out.read_text(encoding="utf-8").lower()


def test_two_files_are_compared_in_any_order(answer, file, tmp_path):
    better = [(name, gt, gt if name != "e" else made, p) for name, gt, made, p in ROWS]
    other = save(tmp_path / "better.csv", better[::-1])
    found = answer("score", other, *FAST, "--compare", file, "--replicates", "99")
    assert found["compared_with"] == "reports.csv"
    alone = [answer("score", path, *FAST)["metrics"] for path in (other, file)]
    for name, one in found["differences"].items():
        expected = alone[0][name]["value"] - alone[1][name]["value"]
        assert one["difference"] == pytest.approx(expected)
        assert 0.01 <= one["p"] <= one["p_holm"] <= 1


def test_files_of_other_reports_are_not_compared(refused, file, tmp_path):
    fewer = save(tmp_path / "fewer.csv", ROWS[:-1])
    assert "1 ids are in the first alone" in refused("score", file, "--compare", fewer)
    rows = [(name, "Another." if name == "b" else gt, made, p) for name, gt, made, p in ROWS]
    said = refused("score", file, "--compare", save(tmp_path / "other.csv", rows))
    assert "have other references" in said
    assert "that of b" in said


def test_the_page(cli, file, tmp_path):
    page = tmp_path / "page.html"
    assert cli("score", file, *FAST, "--html", page, "--cases", "1").code == 0
    html = page.read_text(encoding="utf-8")
    assert html.count("<article>") == 2
    assert "rouge-l 0.000" in html
    assert html.index("<h3>d</h3>") < html.index("<h3>c</h3>")
    assert "<b>" not in html


def test_structured_reports_by_section(answer, tmp_path):
    rows = [("1", "Pleura:\n- No effusion.\n\nOther:\n- None.", "Pleura:- No effusion.", "p")]
    found = answer("score", save(tmp_path / "s.csv", rows), "--metrics", "sections,bleu1")
    values = {name: one["value"] for name, one in found["metrics"].items()}
    assert values["rouge-l-sections-by-section-coco-dotspace"] == pytest.approx(0.5)
    assert "bleu1-coco-dotspace" in values
    sections = found["metrics"]["rouge-l-sections-by-section-coco-dotspace"]["per_section"]
    assert (sections["Pleura"], sections["Other"], sections["Abdominal"]) == (1, 0, None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("reports.csv", "--metrics", "lexicl"), "did you mean lexical?"),
        (("reports.csv", "--metrics", "rouge-1"), "did you mean rouge-l"),
        (("reports.csv", "--metrics", "auroc-macro"), "auroc-macro is not defined here"),
        (("reports.csv", "--metrics", "sections"), "not structured reports"),
        (("reports.csv", "--preset", "coco-dots"), "did you mean coco-dotspace?"),
        (("reports.csv", "--group", "patiant"), "did you mean patient?"),
        (("reports.csv", "--metrics", "bleu1-raw-ref9tokens"), "no tokenizer was given"),
        (("reports.csv", "--cut-references", "3", "--tokenizer", "x"), "x is no tokenizer"),
        (("reports.csv", "--html", "."), "it is a folder"),
        (("reports.csv", "--per-report", "reports.csv"), "it is the file to be scored"),
        (("reports.csv", "other.csv"), "one by one"),
        (("absent.csv",), "absent.csv cannot be read"),
        (("some-run", "--json"), "some-run is no file of reports"),
        (("some-run", "--metrics", "lexical"), "some-run is no file of reports"),
    ],
)
def test_wrong_requests(refused, cli, arguments, expected):
    save(Path("reports.csv"), ROWS)
    assert expected in refused("score", *arguments)


def test_tokens_of_a_tokenizer(answer, file, tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = {letter: i for i, letter in enumerate("[]abcdefghijklmnopqrstuvwxyz")}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[], unk_token="["))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    options = ("--tokenizer", tmp_path, "--cut-references", "2", "--preset", "raw")
    found = answer("score", file, "--metrics", "bleu1", *options, "--replicates", "0")
    assert list(found["metrics"]) == ["bleu1-raw-ref2tokens"]
    made = {i: text for i, (_, _, text, _) in enumerate(ROWS)}
    gts, res = (
        {i: [t[:2]] for i, t in enumerate(r[1] for r in ROWS)},
        {i: [t] for i, t in made.items()},
    )
    expected, _ = Bleu(4).compute_score(gts, res, verbose=0)
    assert found["metrics"]["bleu1-raw-ref2tokens"]["value"] == expected[0]


def test_empty_reports_are_scored_and_told(cli, file):
    assert "1 of 6 generated reports are empty" in cli("score", file, *FAST).err
