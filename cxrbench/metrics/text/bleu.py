"""BLEU from counts that can be added up (Papineni et al. 2002), as pycocoevalcap smooths it.

The corpus value comes from counts summed over reports, not from a mean of values of reports: hence
a weighted sum of the rows below gives the value of any resampled set of reports.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.ngrams import ORDERS, NGrams

# Added so that nothing is divided by 0: to matches and lengths, and to what they are divided by.
_TINY, _SMALL = 1e-15, 1e-9


def bleu_counts(grams: NGrams) -> FloatArray:
    """What BLEU is made of.

    Args:
        grams: N-grams of N pairs.

    Returns:
        (N, 10): matched n-grams of each length, each at most as often as the reference has it;
        n-grams of each length; words generated; words of the reference, which is the closest
        length where there is one reference.
    """
    n = len(grams.generated_words)
    found = np.zeros((n, 2 * ORDERS + 2))
    for order in range(ORDERS):
        ours, theirs = grams.references[order], grams.generated[order]
        left, right = grams.shared(order)
        matched = np.minimum(ours.count[left], theirs.count[right])
        found[:, order] = np.bincount(ours.text[left], matched, minlength=n)
        found[:, ORDERS + order] = np.maximum(grams.generated_words - order, 0)
    found[:, -2], found[:, -1] = grams.generated_words, grams.reference_words
    return found


def bleu(counts: npt.ArrayLike, order: int) -> FloatArray:
    """BLEU of each row of counts, up to n-grams of `order` words.

    Scalars of Python are used, whose powers and exponentials are those of the reference to the
    last bit; NumPy's may differ by one.

    Args:
        counts: (R, 10), as `bleu_counts` gives them, summed over reports or of one report each.
        order: From 1 to 4.

    Returns:
        (R,) values in 0..1.
    """
    return np.array([_bleu(row, order) for row in np.asarray(counts, dtype=np.float64).tolist()])


def _bleu(row: list[float], order: int) -> float:
    product = 1.0
    for matched, made in zip(row[:order], row[ORDERS : ORDERS + order], strict=True):
        product *= (matched + _TINY) / (made + _SMALL)
    value: float = product ** (1.0 / order)
    ratio = (row[-2] + _TINY) / (row[-1] + _SMALL)
    return value * math.exp(1 - 1 / ratio) if ratio < 1 else value
