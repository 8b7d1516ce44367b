"""Killed anywhere with SIGKILL, the same command goes on and ends with the same record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kill_world.py"
NAMES = ["features", "training", "record", "predictions", "test predictions", "everywhere"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_command_ends_with_the_same_record(results, name):
    found = results[name]
    assert {attempt["status"] for attempt in found["killed"]} == {-9}
    assert found["resumed"]["status"] == 0, found["resumed"]["said"]
    assert found["facts"] == found["alone"]["facts"]


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_record_before_the_end(results, name):
    found = results[name]
    assert [attempt["records"] for attempt in found["killed"]] == [[]] * len(found["killed"])
    assert len(found["resumed"]["records"]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind(results, name):
    assert results[name]["left"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_third_time_there_is_nothing_to_do_and_it_says_so(results, name):
    again = results[name]["again"]
    assert again["status"] == 0
    assert "nothing to do: 1 of 1 runs have a record" in again["said"]
    assert again["computed"] == 0


def test_features_computed_before_the_kill_are_not_computed_again(results):
    found = results["features"]
    alone = found["alone"]["computed"]
    before, after = found["killed"][0]["computed"], found["resumed"]["computed"]
    # Three chunks of ten were kept. The chunk that was lost is computed again, and so is one row
    # for each split of which something is missing, to learn its size.
    assert before > 30
    assert after <= alone - 30
    assert before + after - alone <= 10 + 3


def test_a_second_process_is_told_that_the_run_is_taken(results):
    found = results["two processes"]
    assert found["second"]["status"] == 1
    assert "is being run by another process" in found["second"]["said"]
    assert found["second"]["records"] == []


def test_another_run_is_not_held_up_and_the_lock_dies_with_its_process(results):
    found = results["two processes"]
    assert found["first"]["status"] == -9
    assert found["other"]["status"] == 0
    assert [run.split("_")[3] for run in found["other"]["records"]] == ["s5"]
    assert found["third"]["status"] == 0
    assert [run.split("_")[3] for run in found["third"]["records"]] == ["s0", "s5"]
