"""A comparison of two models in words."""

import pytest
from compared import comparison

from cxrbench.leaderboard.difference import (
    favours,
    gap_cell,
    interval_cell,
    p_text,
    sentence,
    summary,
)


def test_the_sentence_can_be_quoted_by_itself():
    assert sentence(comparison(), 3) == (
        "On NIH ChestX-ray14 (nih-1pct under strict@1, test, n = 22,433 images of 2,797 patients), "
        "A's auroc-macro (mean of 3 seeds) is 1.2 points higher than B's (95 % CI 0.8 to 1.6; "
        "paired bootstrap over patients, 1,000 replicates; p = 0.001 by approximate randomisation "
        "of patients, Holm-adjusted over 3 tests 0.003)."
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"difference": -0.012, "ci95": (-0.016, -0.008)},
         "is 1.2 points lower than B's (95 % CI 0.8 to 1.6;"),
        ({"difference": 0.002, "ci95": (-0.003, 0.008)},
         "is 0.2 points higher than B's (95 % CI 0.3 lower to 0.8 higher;"),
        ({"difference": 0.0004, "ci95": (0.0001, 0.0008)},
         "is 0.04 points higher than B's (95 % CI 0.01 to 0.08;"),
        ({"difference": 0.01, "higher_is_better": False},
         "is 1.0 points higher, which is worse, than B's"),
        ({"difference": -0.01, "ci95": (-0.02, 0), "higher_is_better": False},
         "is 1.0 points lower, which is better, than B's (95 % CI 0.0 to 2.0;"),
        ({"difference": 2.5, "ci95": (1.0, 4.0), "unit": "pixels"},
         "is 2.5 (pixels) higher than B's (95 % CI 1.0 to 4.0;"),
        ({"difference": 0.0, "ci95": (0.0, 0.0), "p_holm": 1.0}, "is equal to B's ("),
        ({"ci95": None, "delong": {"difference": 0.012, "se": 0.002, "ci95": (0.008, 0.016),
                                   "p": 0.001}},
         "(no bootstrap interval, since a label is too rare; 95 % CI 0.8 to 1.6 by DeLong; p ="),
        ({"ci95": None}, "(no bootstrap interval, since a label is too rare; p = 0.001 by"),
        ({"ci95": None, "p": None, "p_holm": None, "groups": 1}, "(no interval of one patient)."),
        ({"undefined_replicates": 700}, "paired bootstrap over patients, 300 of 1,000 replicates;"),
        ({"n": 400}, "n = 22,433 images of 2,797 patients, of which 400 images count)"),
        ({"by_seed": [0.02, 0.03, -0.01]}, "The difference has this sign in 2 of 3 seeds."),
        ({"p_holm": 0.2}, "A difference is not shown at 0.05 after Holm's adjustment."),
        ({"p": 0.07, "p_holm": 0.2}, "The interval, which says otherwise, is the less reliable"),
        ({"difference": 0.02, "ci95": (-0.03, -0.01)}, "(95 % CI 3.0 lower to 1.0 lower;"),
        ({"difference": 0.0, "ci95": (0.0, 0.05)}, "(95 % CI 0.00 to 5.00 higher;"),
        ({"difference": None, "reason": "it is undefined"},
         "A and B cannot be compared by auroc-macro: it is undefined."),
    ],
)  # fmt: skip
def test_what_the_sentence_says_of(changes, told):
    assert told in sentence(comparison(**changes), 3)


def test_one_test_alone_is_not_adjusted():
    assert "Holm" not in sentence(comparison(), 1)
    assert "(one seed)" in sentence(comparison(seeds=[4]), 1)


def test_what_is_not_ranked_or_was_seen_in_pretraining_is_said():
    phantom = ["phantom data"]
    text = sentence(
        comparison(
            first={"unranked_because": phantom, "overlaps": ["NIH"]},
            second={"unranked_because": [*phantom, "random weights"]},
        )
    )
    assert text.endswith(
        "A was pretrained on images of NIH. Neither result is ranked: phantom data. "
        "B's result is not ranked: random weights."
    )


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({}, 1),
        ({"difference": -0.012}, -1),
        ({"higher_is_better": False}, -1),
        ({"difference": -0.012, "higher_is_better": False}, 1),
        ({"p_holm": 0.0501}, 0),
        ({"p_holm": None}, 0),
        ({"difference": None}, 0),
    ],
)
def test_who_is_better_beyond_chance(changes, side):
    assert favours(comparison(**changes)) == side


def test_a_family_is_summed_up():
    family = [
        comparison(),
        comparison(difference=-0.01),
        comparison(p_holm=0.3),
        comparison(difference=None, p=None, p_holm=None),
    ]
    assert summary(family) == (
        "Of 3 tests, 1 show A to be better and 1 show B to be, at 0.05 after Holm's adjustment."
    )


def test_cells():
    assert [p_text(p) for p in (None, 1.0, 0.0499, 0.000999, 0.0004, 3e-9)] == [
        "–", "1", "0.050", "0.001", "4e-04", "3e-09",
    ]  # fmt: skip
    assert gap_cell(0.01234, "fraction") == "+1.23"
    assert gap_cell(-2.5, "pixels") == "-2.50"
    assert interval_cell((-0.01, 0.02), "fraction") == "-1.00 to +2.00"
    assert interval_cell(None, "fraction") == gap_cell(None, "pixels") == "–"
