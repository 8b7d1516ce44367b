"""Suites on the command line: by name and by file, and the overview of their tasks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "leaderboard"))

from made import record

from cxrbench.cli.output import stdout
from cxrbench.cli.tables import print_results

SUITE = """
title: Small
models: [pixel-stats]
parts:
  - tasks: [nih-1pct, nih-10pct]
    protocols: [linear-probe@1]
  - tasks: [nih-1pct]
"""


@pytest.fixture
def suite(nih_root, tmp_path):
    """Options of a suite that takes two seconds."""
    path = tmp_path / "small.yaml"
    path.write_text(SUITE)
    return ("--suite", path, "--data-root", f"nih={nih_root}", "--limit", "30")


def test_the_suites_are_listed(answer, cli):
    rows = {row["id"]: row for row in answer("list", "suites")}
    assert {"quick", "paper", "benchx"} <= set(rows)
    assert rows["quick"]["demo"] and not rows["paper"]["demo"]
    assert rows["benchx"]["seeds"] == [42, 0, 1]
    assert "quick" in cli("list", "suites").out


def test_a_suite_of_several_parts_ends_with_an_overview(cli, suite):
    done = cli("run", *suite)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    heading = next(n for n, line in enumerate(lines) if "linear-probe@1: auroc-macro" in line)
    rows = [line.split() for line in lines[heading:] if line.strip().startswith("nih-")]
    assert [row[0] for row in rows] == ["nih-1pct", "nih-10pct"]
    assert {row[-1] for row in rows} == {"50.0"}
    assert "pixel-stats on nih-1pct under strict@1: not applicable" in done.out


def test_what_does_not_apply_has_its_place_in_the_table(cli, probe):
    arguments = list(probe)
    arguments[1] = "pixel-stats,timm/resnet18"
    arguments[5] = "strict@1,linear-probe@1"
    done = cli("run", *arguments, "--weights", "timm/*=random", "--plan", "--no-estimate")
    assert done.code == 0, done.err
    assert done.out.count("not applicable") == 1
    assert done.out.count("random") == 2


@pytest.mark.parametrize("task", ["nih-1pct", "nih-1p*"])
def test_the_command_line_chooses_among_the_tasks(answer, suite, task):
    rows = answer("run", *suite, "--task", task, "--plan", "--no-estimate")
    assert [(row["task"], row["protocol"], row["state"]) for row in rows] == [
        ("nih-1pct", "linear-probe@1", "to run"),
        ("nih-1pct", "strict@1", "not applicable"),
    ]
    assert {row["estimate"] for row in rows} == {None}


def test_a_task_that_the_suite_has_not(refused, suite):
    assert "nih-100pct" in refused("run", *suite, "--task", "nih-100pct")
    assert "unknown suite: quik" in refused("run", "--suite", "quik")


def test_a_plan_says_how_long_it_takes(answer, cli, suite):
    first, *_ = answer("run", *suite, "--plan")
    found = first["estimate"]
    assert found["units"]["encoded"] > 0
    assert 0 < found["seconds"] < 60
    text = cli("run", *suite, "--plan").out
    assert "≤" not in text, "it is no bound while heads and scoring are not known"
    assert "+ ?" in text
    assert "no finished run tells" in text
    assert cli("run", *suite, "--task", "nih-1pct").code == 0
    text = cli("run", *suite, "--task", "nih-1pct", "--plan", "--overwrite", "all").out
    assert "≤" in text
    assert "at most" in text
    assert "+ ?" not in text


def test_a_protocol_that_fits_some_parts_alone(cli, answer):
    """Zero-shot and retrieval know no linear probe; they are left out, and the rest is run."""
    given = ("run", "--suite", "quick", "--protocol", "linear-probe@1", "--model", "pixel-stats",
             "--task", "rsna-1pct,rsna-zeroshot", "--plan", "--no-estimate",
             "--limit", "10")  # fmt: skip
    assert [row["task"] for row in answer(*given)] == ["rsna-1pct"]
    assert "note: rsna-zeroshot is left out under linear-probe@1" in cli(*given).err


def test_the_suite_of_benchx_plans_on_phantoms(answer):
    """Its list of MIMIC-5x200 is in another form of the phantom than the usual one."""
    rows = answer("run", "--suite", "benchx", "--demo", "--weights", "random", "--seeds", "1",
                  "--task", "mimic-5x200-listed", "--model", "convirt", "--plan",
                  "--no-estimate", "--limit", "5")  # fmt: skip
    assert [row["state"] for row in rows] == ["to run"]


def test_one_task_under_several_protocols_has_its_tables():
    records = [record("a", 0.8), record("a", 0.7, protocol="cogaze@1")]
    with stdout.capture() as taken:
        print_results([], records)
    text = taken.get()
    assert text.count("nih-1pct, ") == 2
    assert "95 % CI" in text


@pytest.mark.parametrize(
    ("others", "marked"),
    [
        ([], []),
        ([{"weights": {"source": "random", "sha256": {}}, "spec_weights": {"source": "random"}}],
         ["b (random weights) *"]),
        ([{"limit": 5}], ["--limit 5) *"]),
    ],
)  # fmt: skip
def test_what_is_not_ranked_is_marked_where_something_is(others, marked):
    records = [record("a", 0.8), record("a", 0.7, task="nih-10pct")]
    records += [record("b", 0.6, **changes) for changes in others]
    with stdout.capture() as taken:
        print_results([], records)
    text = " ".join(taken.get().split())
    assert all(words in text for words in marked)
    assert ("* not ranked" in text) == bool(marked)


def test_a_plan_without_an_estimate_imports_no_torch(suite, tmp_path):
    """Nor does a plan of what is done already; a process of its own, since tests import torch."""
    code = (
        "import sys; from cxrbench.cli import main\n"
        "try:\n    main.run()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'timm', 'lightning'} & set(sys.modules)))"
    )
    for arguments in (("--no-estimate",), ("--model", "pixel-stats", "--protocol", "strict@1")):
        done = subprocess.run(
            [sys.executable, "-c", code, "run", *map(str, suite), "--plan", *arguments],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]", done.stderr
