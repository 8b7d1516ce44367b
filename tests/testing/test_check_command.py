"""`cxrbench check`: tables for people, JSON for programs, exit codes for scripts."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from cxrbench.cli.main import app
from cxrbench.errors import UnknownNameError
from cxrbench.scaffold.project import write_project
from cxrbench.testing import CHECKS, Report, Result


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A plugin folder whose encoder is not as wide as its card says."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    write_project("model", "too-wide", tmp_path)
    card = tmp_path / "too-wide" / "src" / "cxrbench_too_wide" / "too-wide.yaml"
    card.write_text(card.read_text().replace("width: 16", "width: 8"))
    return tmp_path / "too-wide"


def test_prints_a_row_for_every_check_and_a_summary():
    done = CliRunner().invoke(app, ["check", "--model", "pixel-stats"])
    assert done.exit_code == 0
    assert all(check.id in done.stdout for check in CHECKS)
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("pixel-stats: ") and "0 failed" in last and "ms an image" in last


def test_a_failed_check_says_why_and_what_to_do_and_exits_with_1(broken):
    arguments = ["--plugin", str(broken), "check", "--model", "too-wide"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "why: 128 on the card, 64 in the encoder" in done.stdout
    assert "do:  correct the card" in done.stdout
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    (report,) = found
    assert report["ok"] is False
    assert [r["check"] for r in report["results"] if r["status"] == "failed"] == ["shapes"]


def test_an_unknown_model_is_a_bad_request():
    done = CliRunner().invoke(app, ["check", "--model", "pixel-statz"])
    assert isinstance(done.exception, UnknownNameError)
    assert done.exception.exit_code == 2 and "pixel-stats" in done.exception.fix


def test_all_models_are_checked_one_by_one_and_families_are_left_out(monkeypatch):
    asked = []

    def check_encoder(card, weights, device):
        asked.append((card.id, weights, device))
        bad = Result("deterministic", "same bits", "failed", "they differ", "dropout", "eval()")
        results = (bad,) if card.id == "pixel-stats" else ()
        return Report(
            card.id,
            "random",
            device,
            results,
            12_345_678,
            1_000,
            {"pooled": (7,), "grid": (7, 2, 3)},
        )

    monkeypatch.setattr("cxrbench.testing.check_encoder", check_encoder)
    done = CliRunner().invoke(app, ["check", "--model", "*", "--weights", "random"])
    assert done.exit_code == 1
    ids = [name for name, _, _ in asked]
    assert len(ids) > 1 and not any("*" in name for name in ids)
    assert {(weights, device) for _, weights, device in asked} == {("random", "cpu")}
    assert "stands for a family" in done.stderr
    assert all(f"] {name}: " in done.stderr for name in ids)  # progress
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()}
    assert rows["convirt"][1:6] == ["ok", "12.35M", "1,000", "7", "7×2×3"]
    assert rows["pixel-stats"][1:3] == ["1", "failed"]
    assert "why: dropout" in done.stdout  # failures are shown whole
    assert f"{len(ids) - 1} of {len(ids)} encoders pass" in done.stdout
    assert done.stdout.strip().endswith("failed: pixel-stats")
