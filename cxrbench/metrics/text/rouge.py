"""ROUGE-L of one pair of texts (Lin 2004), as pycocoevalcap weighs it: beta = 1.2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrbench.metrics.ranking import FloatArray
from cxrbench.reports.words import common_length

_BETA = 1.2


def rouge_l(references: Sequence[str], generated: Sequence[str]) -> FloatArray:
    """F of precision and recall of the longest common subsequence of words.

    Words are what single blanks divide, so that two blanks in a row have an empty word between
    them, and an empty text is one empty word.

    Args:
        references: N texts.
        generated: N texts.

    Returns:
        (N,) values in 0..1.
    """
    counts = np.zeros((len(references), 3))
    for row, reference, text in zip(counts, references, generated, strict=True):
        ours, theirs = reference.split(" "), text.split(" ")
        row[:] = common_length(ours, theirs), len(theirs), len(ours)
    if not len(counts):
        return np.empty(0)
    precision, recall = counts[:, 0] / counts[:, 1], counts[:, 0] / counts[:, 2]
    top = (1 + _BETA**2) * precision * recall
    bottom = recall + _BETA**2 * precision
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
