"""Mean and spread over seeds."""

import numpy as np
import pytest

from cxrbench.errors import DataError
from cxrbench.results.statistics import SeedSummary, format_summary, seed_summary


def test_the_sd_is_the_sample_sd():
    values = [0.809, 0.812, 0.815]
    summary = seed_summary(values)
    assert summary.mean == pytest.approx(0.812)
    assert summary.sd == pytest.approx(0.003)
    assert summary.sd == pytest.approx(np.std(values, ddof=1))
    assert (summary.n, summary.values) == (3, tuple(values))


def test_one_seed_has_no_spread():
    summary = seed_summary([0.5])
    assert (summary.mean, summary.sd, summary.n) == (0.5, None, 1)
    assert format_summary(summary, 2) == "0.50 (1)"


def test_equal_seeds_have_a_spread_of_exactly_zero():
    assert seed_summary([0.1, 0.1, 0.1]).sd == 0.0


@pytest.mark.parametrize(
    ("values", "options", "cell"),
    [
        ([80.9, 81.2, 81.5], {}, "81.2 ± 0.3 (3)"),
        ([0.809, 0.812, 0.815], {"scale": 100}, "81.2 ± 0.3 (3)"),
        ([0.809, 0.812, 0.815], {"digits": 3}, "0.812 ± 0.003 (3)"),
        ([80.9, 81.5], {"expected": 3}, "81.2 ± 0.4 (2/3)"),
        ([80.9, 81.2, 81.5], {"expected": 3}, "81.2 ± 0.3 (3)"),
        ([81.2], {"expected": 3}, "81.2 (1/3)"),
    ],
)
def test_cells(values, options, cell):
    assert format_summary(seed_summary(values), **options) == cell


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [float("inf")]])
def test_undefined_values_are_refused(values):
    with pytest.raises(DataError, match="cannot summarise"):
        seed_summary(values)


def test_the_summary_survives_json():
    summary = seed_summary([0.1, 0.25])
    assert SeedSummary.model_validate_json(summary.model_dump_json()) == summary
