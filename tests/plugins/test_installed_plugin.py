"""A real plugin, installed by pip: listed, checked, run, and shown on the pages."""

from __future__ import annotations

import json

import pytest

TASK, PROTOCOL = "nih-100pct", "linear-probe@1"


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """A small phantom in the raw layout of a data set."""
    from cxrbench_tasks.phantoms.nih import write

    root = tmp_path_factory.mktemp("phantom")
    write(root, patients=40, seed=1, size=40)
    return root


@pytest.fixture(scope="session")
def runs(installed, cxrbench, phantom, tmp_path_factory):
    """Results of the plugin's encoder."""
    folder = tmp_path_factory.mktemp("runs")
    done = cxrbench(
        "run", "--model", "example-encoder", "--task", TASK, "--protocol", PROTOCOL,
        "--data-root", f"nih={phantom}", "--runs", folder, path=installed,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_is_listed_with_its_distribution(installed, cxrbench):
    models = json.loads(cxrbench("list", "models", "--json", path=installed).stdout)
    providers = {model["id"]: model["provider"] for model in models}
    assert providers["example-encoder"] == "cxrbench-example-encoder 0.3.0"
    assert len(models) > 1


def test_is_not_listed_once_it_is_gone(cxrbench):
    done = cxrbench("list", "models", "--json")
    assert done.returncode == 0
    assert "example-encoder" not in {model["id"] for model in json.loads(done.stdout)}


def test_asking_for_what_is_gone_is_a_bad_request(cxrbench):
    done = cxrbench("info", "example-encoder")
    assert done.returncode == 2
    assert "unknown name" in done.stderr and "Traceback" not in done.stderr


def test_conforms(installed, cxrbench):
    done = cxrbench("check", "--model", "example-encoder", "--json", path=installed)
    assert done.returncode == 0, done.stdout
    (report,) = json.loads(done.stdout)
    assert report["ok"] and report["parameters"] == 24 * (3 * 8 * 8 + 1)


@pytest.mark.slow
def test_runs_and_the_record_names_its_distribution(runs):
    (path,) = runs.glob("*/record.json")
    record = json.loads(path.read_text())
    assert record["status"] == "ok"
    assert record["weights"]["source"] == "random"
    assert record["provenance"]["plugin"] == {
        "distribution": "cxrbench-example-encoder",
        "version": "0.3.0",
    }


@pytest.mark.slow
def test_its_records_make_pages_without_it(installed, runs, cxrbench, tmp_path):
    command = ("leaderboard", "--runs", runs, "--out", tmp_path, "--include", "unranked")
    assert cxrbench(*command, path=installed).returncode == 0
    for name in ("classification.md", "details/nih.md"):
        assert "| example-encoder (random weights) |" in (tmp_path / name).read_text()
    done = cxrbench(*command, "--check")
    assert done.returncode == 0, done.stderr
