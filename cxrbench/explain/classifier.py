"""A linear classifier of pooled features, to be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from cxrbench.explain.subject import Subject, rows_of
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.registry import get_metric
from cxrbench.training.logistic import Standardiser, fit_logistic

C = 0.1
"""Inverse regularisation strength; not tuned, since the picture is no benchmark."""
_MOST_FITTED = 5000
_MOST_JUDGED = 2000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Classifier:
    """One logistic regression a label, on pooled features as they are.

    Attributes:
        weights: D×K.
        bias: K.
        columns: K columns of the labels that could be fitted.
        fitted: Images it was fitted on.
        auroc: K values on the split that is shown; NaN where undefined.
        judged: Images they were computed on.
        positives: K counts of positives among them.
    """

    weights: Array
    bias: Array
    columns: tuple[int, ...]
    fitted: int
    auroc: Array
    judged: int
    positives: tuple[int, ...]


def fittable(labels: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Columns of which both classes are known of some image."""
    both = (labels == 1).any(axis=0) & (labels == 0).any(axis=0)
    return tuple(np.flatnonzero(both).tolist())


def fit_classifier(subject: Subject, columns: Sequence[int]) -> Classifier:
    """Fit on the training split, and judge on the split that is shown; a draw of large ones."""
    source = subject.source
    if source.train is None:
        raise ValueError("the plan lets only data with a training split come here")
    train, shown = (
        rows_of(split, sorted(subject.draw(range(len(split)), most, purpose)))
        for split, most, purpose in (
            (source.train, _MOST_FITTED, "fitted"), (source.shown, _MOST_JUDGED, "judged"),
        )
    )  # fmt: skip
    kept = tuple(c for c in columns if c in fittable(train.labels))
    features = subject.pooled(train, f"features of {source.fitted}")
    weights, bias = linear(features, train.labels[:, list(kept)])
    truth = shown.labels[:, list(kept)].astype(np.float64)
    scores = expit(subject.pooled(shown, f"features of {source.split}") @ weights + bias)
    names = [source.data.labels[column] for column in kept]
    auroc: Any = get_metric("auroc-macro").per_class(ClassificationInput(scores, truth, names))[0]
    positives = tuple((truth == 1).sum(axis=0).tolist())
    return Classifier(weights, bias, kept, len(train), auroc, len(shown), positives)


def linear(features: Array, labels: npt.NDArray[np.float32]) -> tuple[Array, Array]:
    """Logistic regression on standardised features, as weights and bias of the features."""
    standardise = Standardiser.fit(features)
    model = fit_logistic(standardise(features), labels, C)
    weights = model.weights / standardise.scale[:, None]
    return weights, model.bias - standardise.mean @ weights
