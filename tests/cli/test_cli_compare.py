"""`compare`: two models on stored predictions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execution"))

from stored_runs import Runs, label_scores, masks

FAST = ("--replicates", "99")


@pytest.fixture
def runs(tmp_path):
    """Runs where the command looks for them; `here` is made by `cli`."""
    found = Runs(tmp_path / "here" / "runs")
    for seed in (0, 1):
        found.add("model-a", label_scores(seed, 2.5), seed)
        found.add("model-b", label_scores(10 + seed, 0.3), seed)
    return found


def test_a_table_and_a_sentence(cli, runs):
    done = cli("compare", "model-a", "model-b", "--task", "nih-1pct", *FAST)
    assert done.code == 0
    assert done.out.startswith("A: model-a\nB: model-b\n")
    (row,) = [line.split() for line in done.out.splitlines() if line.startswith(" nih-1pct")]
    assert row[:2] == ["nih-1pct", "auroc-macro"]
    assert float(row[2]) - float(row[3]) == pytest.approx(float(row[4]), abs=0.011)
    assert row[5] < row[4] < row[7]
    assert row[8] == row[9] == "0.010"
    assert "model-a's auroc-macro (mean of 2 seeds) is" in done.out
    assert "p = 0.010 by approximate randomisation of patients)." in done.out


def test_json_holds_all_of_it(answer, runs):
    found = answer("compare", "model-a", "model-b", "--metric", "auroc*,brier*", *FAST)
    assert found["tests"] == 2
    assert found["skipped"] == []
    one, other = found["comparisons"]
    assert (one["metric"], other["metric"]) == ("auroc-macro", "brier-macro")
    assert one["seeds"] == [0, 1]
    assert len(one["first"]["runs"]) == 2
    assert one["found"]["p"] == 0.01
    assert one["found"]["p_holm"] == 0.02
    assert set(one["found"]["by_label"]) == {"Hernia", "Mass"}
    assert one["found"]["delong"]["p"] < 0.01
    assert other["found"]["delong"] is None
    assert "Holm-adjusted over 2 tests 0.020" in one["sentence"]


def test_many_tests_are_summed_up_and_what_is_left_out_is_told(cli, runs):
    for task in ("nih-10pct", "rsna-1pct", "rsna-10pct"):
        runs.add("model-a", label_scores(1, 2.5), task=task)
        runs.add("model-b", label_scores(2, 0.3), task=task)
    runs.add("model-a", label_scores(3), task="siim-1pct")
    done = cli("compare", "model-a", "model-b", *FAST)
    assert "Of 4 tests, 4 show model-a to be better and 0 show model-b" in done.out
    assert "siim-1pct under strict@1 left out: model-b has no run of it" in done.err
    few = cli("compare", "model-a", "model-b", "--replicates", "19")
    assert "with 19 replicates no p can be below 0.20: raise --replicates" in few.err


def test_by_class(cli, runs):
    runs.add("model-a", masks(1), task="rsna-seg")
    runs.add("model-b", masks(2, 0.5), task="rsna-seg")
    out = cli("compare", "model-a", "model-b", "--per-class", *FAST).out
    assert "nih-1pct under strict@1: auroc-macro by class" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith((" Hernia", " Mass"))]
    assert "dice-image-empty1 pools the classes" in out


def test_a_plot(cli, runs):
    done = cli("compare", "model-a", "model-b", "--plot", "differences.svg", *FAST)
    assert "differences.svg written" in done.out
    assert Path("differences.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("model-a", "model-c"), "which runs model-c are"),
        (("model-a", "model-a"), "are the same runs"),
        (("model-a", "model-b", "--task", "nih-2pct"), "on the task nih-2pct"),
        (("model-a", "model-b", "--protocol", "cogaze@1"), "under the protocol cogaze@1"),
        (("model-a", "model-b", "--metric", "auroc"), "has the metric auroc"),
        (("model-a", "model-b", "--plot", "a.gif"), "does not end in .png, .pdf, .svg"),
        (("model-a", "model-b", "--plot", "absent/a.png"), "there is no folder absent"),
        (("model-a", "model-b", "--runs", "absent"), "no records in absent"),
    ],
)
def test_wrong_requests(refused, runs, arguments, told):
    assert told in refused("compare", *arguments)


def test_nothing_is_written_where_the_request_is_wrong(refused, runs, tmp_path):
    refused("compare", "model-a", "model-c", "--plot", "a.png")
    assert not Path("a.png").exists()
