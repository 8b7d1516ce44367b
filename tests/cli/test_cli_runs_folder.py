"""`--runs` that names no folder."""

from __future__ import annotations

import pytest

COMMANDS = [("list", "runs"), ("leaderboard",), ("leaderboard", "--check"), ("score", "x")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_is_not_a_runs_folder(refused, tmp_path, command, below):
    path = tmp_path / "file"
    path.touch()
    assert f"{path} is a file" in refused(*command, "--runs", path / below)


def test_nothing_is_run_for_a_file(refused, probe, tmp_path):
    path = tmp_path / "file"
    path.touch()
    for more in ((), ("--plan",)):
        assert f"{path} is a file" in refused("run", *probe, *more, "--runs", path)


def test_the_pages_of_a_folder_that_is_not_there(refused, cli, tmp_path, monkeypatch):
    command = ("leaderboard", "--out", tmp_path / "pages")
    for more in ((), ("--check",)):
        assert "none" in refused(*command, "--runs", tmp_path / "none", *more)
    assert not (tmp_path / "pages").exists()
    assert cli(*command).code == 0, "the default folder may be absent"
    monkeypatch.setenv("CXRBENCH_RUNS", str(tmp_path / "none"))
    assert "none" in refused(*command)
