"""The command that makes runs again."""

from __future__ import annotations

import shlex

import pytest
from made import given, record

from cxrbench.execution.request import parse_seeds
from cxrbench.leaderboard.site.command import run_command

START = "cxrbench run --model a --task nih-1pct --protocol strict@1"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, ""),
        ({"dataset": {"kind": "phantom"}}, " --demo"),
        ({"weights": {"source": "random"}}, " --weights random"),
        ({"recipe": {"preprocessing_mode": "letterbox"}}, " --preprocessing letterbox"),
        ({"precision": "bf16"}, " --precision bf16"),
        ({"micro_batch": 4}, " --batch-size 4"),
        ({"limit": 10}, " --limit 10"),
    ],
)
def test_all_that_changes_the_number_is_in_it(changes, end):
    assert run_command([record("a", 0.8, **changes)]) == f"{START} --seeds 1{end}"


def test_weights_given_by_path_are_left_to_be_named():
    assert run_command([given("a", 0.8, "b")]).endswith(" --weights WEIGHTS")


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2), (5,), (2, 0), (0, 2), (1, 2)])
def test_the_seeds_are_read_back_as_they_were(seeds):
    parts = shlex.split(run_command([record("a", 0.8, seed) for seed in seeds]))
    assert parse_seeds(parts[parts.index("--seeds") + 1]) == tuple(sorted(seeds))


def test_names_with_signs_of_the_shell_stay_one_word():
    assert shlex.split(run_command([record("a b;c", 0.8)]))[3] == "a b;c"
