"""From how well prompts fit an image to scores between 0 and 1, where above 0.5 is present."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from cxrbench.runners.comparing import Way

Array = npt.NDArray[np.float64]


def prototypes(vectors: Array) -> Array:
    """G×P×D unit vectors of P prompts for each of G findings to G×D unit vectors.

    Every prompt has the same say: its vector has norm 1 before the mean is taken, and the mean is
    brought to norm 1 again. Papers often leave open whether they do the first.
    """
    means: Array = vectors.mean(axis=1)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    unit: Array = means / np.where(norms > 0, norms, 1.0)
    return unit


def probabilities(difference: Array, way: Way, *, contrast: bool) -> Array:
    """N×C in 0..1, monotone, with 0.5 at equality; so the argmax of the two is at 0.5.

    A difference of two cosines d becomes (d + 2) / 4, a cosine alone (d + 1) / 2. Scores of pairs
    have no bounds: d becomes (1 + d / (1 + |d|)) / 2, which keeps large ones apart, where a
    logistic function is 1 from 37 on.
    """
    if way == "pairs":
        squashed: Array = (1 + difference / (1 + np.abs(difference))) / 2
        return squashed
    widest = 2.0 if contrast else 1.0
    return np.clip((difference + widest) / (2 * widest), 0.0, 1.0)


def standardised(values: Array) -> Array:
    """N×C in 0..1: less the mean of the N images, over their deviation, then 1 / (1 + exp(-z)).

    The score of an image then depends on the others of the split.
    """
    deviation = values.std(axis=0)
    z = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squashed: Array = expit(z)
    return squashed
