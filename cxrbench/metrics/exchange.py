"""Scales on which the predictions of two models can be exchanged, sample by sample.

A test that swaps the predictions of two models asks whether it matters which of them a sample was
given to. A model whose scores are all small, and one whose scores are all large, may rank the
samples equally well: swapping their scores as they stand would mix two scales into one ranking and
test something else. Hence metrics of a ranking swap ranks (Venkatraman and Begg 1996; Bandos et
al. 2005), metrics of decisions swap decisions, pooled metrics of pixels swap shares of an image,
and only what reads the numbers themselves, such as a calibration error, swaps the numbers.
None of these changes the value of the metric that asks for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.ranking import FloatArray, midranks

_HALF = 0.5


def ranked(data: ClassificationInput) -> ClassificationInput:
    """The rank of every score among those of its label, as a fraction; ties share theirs."""
    scores = np.full(data.scores.shape, _HALF)
    for column, known in enumerate(data.known.T):
        scores[known, column] = _fractions(data.scores[known, column])
    return replace(data, scores=scores)


def ranked_together(data: ClassificationInput) -> ClassificationInput:
    """The rank of every score among those of all labels, as a fraction; ties share theirs."""
    scores = np.full(data.scores.shape, _HALF)
    scores[data.known] = _fractions(data.scores[data.known])
    return replace(data, scores=scores)


def decided(data: ClassificationInput) -> ClassificationInput:
    """Decisions at the model's own thresholds: 1 for present, 0 for absent, with 0.5 between.

    Thresholds were chosen for one model's scores and mean nothing for another's.
    """
    if data.thresholds is None:
        return data
    called = (data.scores > data.thresholds).astype(np.float64)
    return replace(data, scores=called, thresholds=np.full(len(data.names), _HALF))


def _fractions(values: FloatArray) -> FloatArray:
    return midranks(values) / (len(values) + 1)
