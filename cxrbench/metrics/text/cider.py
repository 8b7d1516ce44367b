"""CIDEr of each report (Vedantam et al. 2015), in the variant of pycocoevalcap.

It is clipped, has a penalty on lengths (sigma = 6), and is the mean over n-grams of one to four
words, times 10.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.ngrams import ORDERS, Counts, NGrams

_SIGMA = 6.0


def cider(grams: NGrams, documents: npt.NDArray[np.intp] | None = None) -> FloatArray:
    """CIDEr of each pair.

    The weight of an n-gram is how rare it is among the references. Hence the value of a report
    depends on all references of the file, and one file's values do not compare with another's.

    Args:
        grams: N-grams of N pairs.
        documents: Which of the references are counted for rareness; None: every one, also those
            that are told several times.

    Returns:
        (N,) values in 0..10.
    """
    n = len(grams.generated_words)
    counted = np.ones(n, dtype=bool)
    if documents is not None:
        counted[:] = False
        counted[documents] = True
    log_documents = np.log(max(1.0, float(counted.sum())))
    # Lengths are those in pairs of words, of which a text of one word has none.
    lengths = [np.maximum(w - 1, 0) for w in (grams.generated_words, grams.reference_words)]
    penalty = np.exp(-((lengths[0] - lengths[1]).astype(np.float64) ** 2) / (2 * _SIGMA**2))
    total = np.zeros(n)
    for order in range(ORDERS):
        ours, theirs = grams.references[order], grams.generated[order]
        frequency = np.bincount(
            ours.gram, counted[ours.text].astype(np.float64), minlength=grams.kinds[order]
        )
        rareness = log_documents - np.log(np.maximum(1.0, frequency))
        reference, generated = (
            ours.count * rareness[ours.gram],
            theirs.count * rareness[theirs.gram],
        )
        left, right = grams.shared(order)
        overlap = np.bincount(
            ours.text[left],
            np.minimum(generated[right], reference[left]) * reference[left],
            minlength=n,
        ).astype(np.float64)  # NumPy counts nothing in whole numbers
        norms = _norm(generated, theirs, n), _norm(reference, ours, n)
        both = (norms[0] != 0) & (norms[1] != 0)
        total += np.divide(overlap, norms[0] * norms[1], out=overlap, where=both) * penalty
    return total / ORDERS * 10.0


def _norm(values: FloatArray, counts: Counts, n: int) -> FloatArray:
    return np.sqrt(np.bincount(counts.text, values**2, minlength=n))
