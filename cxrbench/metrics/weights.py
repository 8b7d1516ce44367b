"""Sample weights, as every kind of metric takes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxrbench.errors import RunError
from cxrbench.metrics.ranking import FloatArray


def sample_weights(weights: npt.ArrayLike | None, n: int) -> FloatArray:
    """Weights of N samples as float64 (R, N); None stands for one replicate of ones.

    Raises:
        RunError: When the shape does not fit.
    """
    if weights is None:
        return np.ones((1, n))
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != n:
        raise RunError(
            "sample weights do not fit the scores",
            why=f"weights have shape {array.shape}, there are {n} samples",
            fix=f"give weights of shape (replicates, {n})",
        )
    return array
