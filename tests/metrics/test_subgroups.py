"""Subgroups by what the data tells of each image."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.data.samples import Sample
from cxrbench.metrics.subgroups import subgroups


def of_ages(*ages):
    samples = [Sample(str(i), str(i), Path(), age=age) for i, age in enumerate(ages)]
    return {name: rows.tolist() for name, rows in subgroups(samples).items()}


def test_bands_hold_their_first_year_and_not_that_of_the_next():
    assert of_ages(0, 17.9, 18, 39, 40, 59.5, 60, 80, 104, None) == {
        "age 0-17": [0, 1], "age 18-39": [2, 3], "age 40-59": [4, 5], "age 60-79": [6],
        "age 80+": [7, 8],
    }  # fmt: skip


@pytest.mark.parametrize("age", [float("nan"), 200.0, 999.0, float("inf"), -1.0])
def test_an_age_that_nobody_has_is_in_no_band(age):
    assert of_ages(30, age, 70) == {"age 18-39": [0], "age 60-79": [2]}
