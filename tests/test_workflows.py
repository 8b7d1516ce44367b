"""The jobs of the repository: pinned actions, the least rights, and commands that exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml

sys.path.insert(0, str(Path(__file__).parent / "results"))

from submitted import valid

from cxrbench.cli.main import app
from cxrbench.results.submission import shareable, to_text

FOLDER = Path(__file__).parents[1] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
RECORDS = yaml.safe_load((FOLDER / "records.yml").read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_a_commit_and_name_its_version(path):
    lines = [line for line in path.read_text().splitlines() if re.search(r"\buses:", line)]
    pinned = re.compile(r"\s*(- )?uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_a_strangers_code_never_sees_a_secret(path):
    workflow = yaml.safe_load(path.read_text())
    events = workflow[True]  # `on` is a boolean to YAML 1.1
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in events
    assert "workflow_run" not in events
    assert "secrets." not in path.read_text()
    for job in workflow["jobs"].values():
        if "write" in job.get("permissions", {}).values():
            assert job["if"] == "github.event_name == 'push'"
    for step in steps(workflow):
        assert "${{" not in step.get("run", ""), "text of an event would be run as a command"


def test_the_commands_exist_with_their_options():
    group = typer.main.get_command(app)
    found = 0
    for step in steps(RECORDS):
        for line in re.findall(r"cxrbench [^;\n]*", step.get("run", "")):
            name, *words = shlex.split(line)[1:]
            known = {option for p in group.commands[name].params for option in p.opts}
            assert {word for word in words if word.startswith("--")} <= known
            found += 1
    assert found >= 4


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with a base commit, and a `cxrbench` that runs this one."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder, programs = tmp_path / "clone", tmp_path / "bin"
    (folder / "leaderboards" / "records").mkdir(parents=True)
    programs.mkdir()
    program = programs / "cxrbench"
    start = f"{shlex.quote(sys.executable)} -c 'from cxrbench.cli.main import run; run()'"
    program.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
    program.chmod(0o755)

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True,
                              capture_output=True, text=True)  # fmt: skip
        return done.stdout.strip()

    def check(base):
        (step,) = [s for s in steps(RECORDS) if "--validate" in s.get("run", "")]
        environment = {
            **os.environ,
            "BASE": base,
            "RUNNER_TEMP": str(tmp_path),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(["bash", "-e", "-c", step["run"]], cwd=folder, env=environment,
                              capture_output=True, text=True)  # fmt: skip

    git("init", "--quiet", "--initial-branch", "main")
    (folder / "leaderboards" / "records" / "old one.json").write_text("no record, sent before")
    git("add", "--all")
    git("commit", "--quiet", "--message", "base")
    return folder / "leaderboards" / "records", git, check


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("git") or not shutil.which("bash"), reason="no git or bash")
def test_a_pull_request_is_checked_for_what_it_changes(clone):
    records, git, check = clone
    base = git("rev-parse", "HEAD")
    assert check(base).returncode == 0, "nothing was sent"
    record = valid()
    (records / f"{record.run_id}.json").write_text(to_text(shareable(record)))
    git("add", "--all")
    git("commit", "--quiet", "--message", "good")
    good = check(base)
    assert good.returncode == 0, good.stderr
    assert "1 of 1 records can be taken" in good.stdout
    (records / "a b.json").write_text("{}")
    git("rm", "--quiet", str(records / "old one.json"))
    git("add", "--all")
    git("commit", "--quiet", "--message", "bad")
    bad = check(base)
    assert bad.returncode == 1
    assert "1 of 2 records can be taken" in bad.stdout
