"""`show`: one record as a page."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "leaderboard"))

from made import record

from cxrbench.results.store import Store


@pytest.fixture
def stored(tmp_path):
    """Keeps a record where the command looks for it."""

    def keep(**changes):
        found = record(**changes)
        Store(tmp_path / "here" / "runs").write(found)
        return found

    return keep


def line_of(text, start):
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [start])


def test_a_run_that_was_made(cli, answer, probe):
    (made,) = json.loads(cli("run", *probe, "--json").out)
    digest = made["run_id"].rpartition("_")[2]
    text = cli("show", digest, "--per-class").out
    name = "accuracy-elementwise@0.5"
    facts, floor = made["metrics"][name], made["floors"][name]
    shown = [f"{100 * number:.2f}" for number in (facts["value"], *facts["ci95"], floor)]
    value, low, high, least = shown
    gain = f"{100 * (facts['value'] - floor):+.2f}"
    assert line_of(text, name) == [name, value, low, "to", high, least, gain, str(facts["n"])]
    for words in ("pixel-stats", "linear-probe@1", "phantom data", "custom", "by subgroup",
                  "auroc-macro by class", "Hernia", "predictions-", "Cost",
                  "subgroups of fewer than 10 patients", *made["subgroups"]):  # fmt: skip
        assert words in text
    for split in made["dataset"]["splits"].values():
        assert split["sha256"][:12] in text
    assert answer("show", made["run_id"]) == made
    assert "Hernia" not in cli("show", digest).out


def test_where_lower_is_better_the_gain_is_still_positive(cli, stored):
    found = stored(value=0.8)
    text = cli("show", found.run_id).out
    row = next(line for line in text.splitlines() if line.strip().startswith("brier-macro ↓"))
    value, floor = found.metrics["brier-macro"].value, found.floors["brier-macro"]
    assert f"{100 * (floor - value):+.2f}" in row


def test_another_metric_by_class(cli, refused, stored):
    name = stored().run_id
    assert "brier-macro by class" in cli("show", name, "--per-class", "--metric", "brier-macro").out
    error = refused("show", name, "--metric", "auroc")
    assert "auroc-macro" in error


def test_all_that_may_be_in_a_record(cli, stored):
    facts = record().model_dump(mode="json")["metrics"]
    found = stored(
        dataset={"leaks": {"test in train": 1206}, "missing": 3},
        record={
            "conditions": {"without context": facts},
            "warnings": ["the weights say [something] else"],
            "overlaps": ["nih"],
            "context_used": True,
        },
    )
    text = cli("show", found.run_id).out
    for words in ("test in train: 1,206 images", "3 samples left out", "without context",
                  "the weights say [something] else", "told to the encoder"):  # fmt: skip
        assert words in text


def test_a_failed_run_says_why(cli, stored, tmp_path):
    error = {"type": "DataError", "message": "no image", "why": "it is gone", "fix": "bring it"}
    found = stored(record={"status": "failed", "error": error})
    found = found.model_copy(update={"metrics": {}, "floors": {}})
    Store(tmp_path / "here" / "runs").write(found)
    text = cli("show", found.run_id).out
    assert re.search(r"no image\n  why: it is gone\n  do:  bring it", text)


@pytest.mark.parametrize("width", [80, 160])
def test_it_fits_the_terminal(cli, stored, monkeypatch, width):
    from rich.console import Console

    from cxrbench.cli import output

    monkeypatch.setattr(output, "stdout", Console(width=width))
    text = cli("show", stored().run_id, "--per-class").out
    assert max(map(len, text.splitlines())) <= width


def test_a_run_that_is_not_there(refused, stored):
    stored()
    assert "no run has that id" in refused("show", "nothing")
