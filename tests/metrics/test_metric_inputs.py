"""Scores and labels are checked before anything is computed."""

import numpy as np
import pytest

from cxrbench.errors import CxrbenchError, DataError, RunError
from cxrbench.metrics import ClassificationInput, get_metric

SCORES, LABELS = [[0.1, 0.2], [0.3, 0.4]], [[0, 1], [1, np.nan]]


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        ({"scores": [0.1, 0.2]}, RunError, "2 dimension"),
        ({"scores": np.empty((0, 2))}, RunError, "non-empty"),
        ({"scores": [[0.1, np.nan], [0.3, np.inf]]}, RunError, "2 of 4 values are NaN"),
        ({"scores": [[0.1, 0.2], [0.3, 1.5]]}, RunError, "0.1 to 1.5"),
        ({"scores": [[0.1, -3.0], [0.3, 0.5]]}, RunError, "-3 to 0.5"),
        ({"labels": [[0, 1]]}, DataError, "shape"),
        ({"labels": [[0, 1], [1, -1]]}, DataError, "another value"),
        ({"names": ["a"]}, DataError, "1 names"),
        ({"names": ["a", "a"]}, DataError, "1 distinct"),
        ({"thresholds": [0.5]}, RunError, "1 thresholds for 2"),
        ({"thresholds": [0.5, np.nan]}, RunError, "NaN"),
    ],
)
def test_bad_input_is_an_error_that_says_why(change, error, why):
    arguments = {"scores": SCORES, "labels": LABELS, "names": ["a", "b"], **change}
    with pytest.raises(error) as caught:
        ClassificationInput(**arguments)
    assert why in caught.value.why
    assert isinstance(caught.value, CxrbenchError)
    assert caught.value.fix


def test_input_is_converted_copied_and_read_only():
    scores = np.array(SCORES, dtype=np.float32)
    data = ClassificationInput(scores, np.array(LABELS), ["a", "b"], [0.2, 0.3])
    scores[:] = 0
    assert data.scores.dtype == np.float64
    assert data.scores[1, 1] == pytest.approx(0.4)
    with pytest.raises(ValueError, match="read-only"):
        data.scores[0, 0] = 1
    assert data.names == ("a", "b")


def test_counts_skip_unknown_labels():
    data = ClassificationInput([[0.1, 0.2]] * 3, [[0, 1], [np.nan, 1], [np.nan] * 2], ["a", "b"])
    assert data.n == 2
    assert data.prevalence.tolist() == [0.0, 1.0]


def test_weights_of_a_wrong_shape_are_refused():
    data = ClassificationInput(SCORES, LABELS, ["a", "b"])
    for weights in (np.ones(2), np.ones((4, 3))):
        with pytest.raises(RunError, match="sample weights"):
            get_metric("auroc-macro").per_class(data, weights)
