"""`run`: what is refused before anything starts, plans, results, and exit codes."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), ("no model",)), (("--model", "pixel-stats"), ("no task",)),
     (("--task", "nih-1pct"), ("no model",)), (("--model", ","), ("no model",))],
)  # fmt: skip
def test_nothing_to_run(refused, arguments, words):
    error = refused("run", *arguments)
    assert all(word in error for word in words)


@pytest.mark.parametrize("seeds", ["x", "0", "-1", "1.5", ",", "1,x", "3;4", "²"])
def test_seeds_that_are_none(refused, probe, seeds):
    assert "--seeds" in refused("run", *probe, f"--seeds={seeds}", "--plan")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--data-root", "nih", "NAME=DIR"), ("--data-root", "nih=/nowhere", "/nowhere"),
     ("--model", "pixel-stat", "pixel-stats"), ("--model", "zz*", "zz*"),
     ("--task", "nih-2pct", "nih-1pct"), ("--protocol", "strict", "strict@1"),
     ("--protocol", "zz@1", "zz@1"), ("--precision", "64", "bf16"),
     ("--overwrite", "some", "missing, failed, all"), ("--weights", "x.pt", "pixel-stats"),
     ("--weights", "other=x.pt", "other"), ("--suite", "none.yaml", "none.yaml")],
)  # fmt: skip
def test_a_bad_value_is_named(refused, probe, option, value, words):
    assert words in refused("run", *probe, option, value, "--plan")


NOWHERE = ("run", "--model", "pixel-stats", "--protocol", "linear-probe@1", "--task")


def test_a_data_set_that_is_nowhere(refused):
    error = refused(*NOWHERE, "nih-1pct")
    assert "--data-root nih=DIR" in error
    assert "--demo" in error
    error = refused(*NOWHERE, "nih-1pct,rsna-1pct")
    assert "2 data sets are not on this machine" in error
    assert "data of nih, rsna" in error
    assert "--task" in error


def test_a_plan_shows_all_that_is_missing(cli, answer, nih_root):
    given = (*NOWHERE, "nih-1pct,rsna-1pct,siim-1pct", "--data-root", f"nih={nih_root}", "--plan")
    rows = answer(*given)
    assert {row["task"]: row["state"] for row in rows} == {
        "nih-1pct": "to run", "rsna-1pct": "missing", "siim-1pct": "missing",
    }  # fmt: skip
    assert len({tuple(row) for row in rows}) == 1, "all have the same fields"
    assert "--data-root rsna=DIR" in next(r["note"] for r in rows if r["task"] == "rsna-1pct")
    text = cli(*given, "--no-estimate").out
    assert "1 of 3 runs to do" in text
    assert "2 cannot be run" in text
    assert "--data-root siim=DIR" in text


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "cpu:x"])
def test_a_device_that_is_not_there(refused, probe, device):
    error = refused("run", *probe, "--device", device)
    assert device in error
    assert "--device cpu" in error


def test_a_suite_that_is_wrong(refused, probe, tmp_path):
    path = tmp_path / "suite.yaml"
    for text, word in (("tasks: nih\n", "tasks"), ("model: [x]\ntasks: [y]\n", "model"),
                       ("- x\n", "mapping"), ("tasks: [\n", "YAML")):  # fmt: skip
        path.write_text(text)
        error = refused("run", "--suite", path)
        assert word in error
        assert str(path) in error


def test_a_plan_runs_nothing(answer, cli, probe, tmp_path):
    rows = answer("run", *probe, "--plan", "--seeds", "2")
    assert [row["seed"] for row in rows] == [0, 1]
    assert {row["state"] for row in rows} == {"to run"}
    assert {row["data"] for row in rows} == {"phantom"}
    assert not any(row["official_splits"] for row in rows)
    assert not list((tmp_path / "here").iterdir())
    text = cli("run", *probe, "--plan", "--seeds", "5,").out
    assert "custom split" in text
    assert "1 of 1 runs to do" in text


def test_a_plan_says_what_does_not_apply(cli, nih_root):
    done = cli("run", "--model", "pixel-stats", "--task", "nih-1pct", "--plan",
               "--data-root", f"nih={nih_root}")  # fmt: skip
    assert done.code == 0
    assert "not applicable" in done.out
    assert "0 of 1 runs to do" in done.out


def test_a_run_leaves_a_record_and_is_not_repeated(cli, answer, probe, tmp_path):
    first = cli("run", *probe, "--json")
    assert first.code == 0
    (record,) = json.loads(first.out)
    assert record["status"] == "ok"
    assert 0 < record["metrics"]["auroc-macro"]["value"] < 1
    stored = tmp_path / "here" / "runs" / record["run_id"] / "record.json"
    assert json.loads(stored.read_text()) == record

    again = cli("run", *probe)
    assert again.code == 0
    assert "nothing to do" in again.err
    assert "pixel-stats" in again.out
    (row,) = answer("run", *probe, "--plan")
    assert (row["state"], row["run_id"]) == ("done", record["run_id"])

    (listed,) = answer("list", "runs")
    assert listed["run_id"] == record["run_id"]
    assert listed["value"] == record["metrics"]["auroc-macro"]["value"]
    assert listed["unranked_because"]

    scored = cli("score", record["run_id"])
    assert scored.code == 0
    assert f"{listed['value']:.4f}" in scored.out
    assert (stored.parent / "superseded").is_dir()


def test_the_runs_folder_can_be_named(cli, probe, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRBENCH_RUNS", str(tmp_path / "elsewhere"))
    assert cli("run", *probe, "--limit", "20").code == 0
    assert len(list((tmp_path / "elsewhere").glob("*/record.json"))) == 1
    done = cli("list", "runs", "--json")
    assert "limit" in done.out
    assert json.loads(cli("list", "runs", "--json", "--runs", tmp_path / "none").out) == []


def test_a_failed_run_ends_with_1_now_and_later(cli, nih_copy):
    name = (nih_copy / "splits" / "test.txt").read_text().split()[0]
    path = next(nih_copy.glob(f"images_0*/images/{name}"))
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))  # the plan sees the same size
    arguments = ("run", "--model", "pixel-stats", "--task", "nih-1pct", "--protocol",
                 "linear-probe@1", "--data-root", f"nih={nih_copy}")  # fmt: skip
    first = cli(*arguments)
    assert first.code == 1
    assert str(path) in first.err
    again = cli(*arguments)
    assert again.code == 1
    plan = cli(*arguments, "--plan")
    assert plan.code == 0
    assert "failed before" in plan.out
    path.write_bytes(whole)
    fixed = cli(*arguments, "--overwrite", "failed")
    assert fixed.code == 0, fixed.err


def test_debug_shows_the_traceback(cli, nih_root):
    from cxrbench.errors import CxrbenchError

    with pytest.raises(CxrbenchError):
        cli("--debug", "run", "--model", "nothing", "--task", "nih-1pct", "--plan")


def test_score_and_leaderboard_of_nothing(refused, cli, tmp_path):
    assert "no run has that id" in refused("score", "nothing")
    done = cli("leaderboard", "--out", tmp_path / "pages")
    assert done.code == 0
    assert cli("leaderboard", "--out", tmp_path / "pages", "--check").code == 0
    page = next((tmp_path / "pages").rglob("*.md"))
    page.write_text(page.read_text() + "edited\n")
    stale = cli("leaderboard", "--out", tmp_path / "pages", "--check")
    assert stale.code == 1
    assert page.name in stale.err
