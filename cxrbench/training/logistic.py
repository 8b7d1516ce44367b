"""Multi-label logistic regression on fixed features, by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

Array = npt.NDArray[np.float64]

_MOST_ITERATIONS = 1000
_GRADIENT_TOLERANCE = 1e-5
_LARGE = 5_000_000  # numbers in the feature matrix
_VALUE_TOLERANCE = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Standardiser:
    """Mean and standard deviation of each feature over the training split.

    Attributes:
        mean: D values.
        scale: D values; 1 where a feature is constant.
    """

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, features: Array) -> Standardiser:
        """From N×D features."""
        deviation = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, features: Array) -> Array:
        """Standardise N×D features."""
        return (features - self.mean) / self.scale


@dataclass(frozen=True)
class Logistic:
    """One independent logistic regression a label.

    Attributes:
        weights: D×C.
        bias: C.
    """

    weights: Array
    bias: Array

    def probabilities(self, features: Array) -> Array:
        """N×C probabilities of N×D features."""
        scores: Array = expit(features @ self.weights + self.bias)
        return scores


def fit_logistic(
    features: Array, labels: npt.NDArray[np.float32], c: float, start: Logistic | None = None
) -> Logistic:
    """Minimise 0.5 |w|² + C Σ log-loss for all labels at once.

    The objective of scikit-learn's `LogisticRegression` for every label; the labels are
    independent, so one joint minimisation over all of them is exact and shares the products with
    the features. The bias is not regularised. A label with one class only in the training split
    gets the rate of that class as its constant score.

    Args:
        features: N×D, standardised.
        labels: N×C: 1, 0 or NaN (left out).
        c: Inverse regularisation strength.
        start: Where to begin, for example the solution of a smaller C.
    """
    known = ~np.isnan(labels)
    targets = np.where(known, labels, 0).astype(np.float64)
    positives = targets.sum(axis=0)
    counts = known.sum(axis=0)
    fittable = (positives > 0) & (positives < counts)
    rows, columns = features.shape[1], int(fittable.sum())
    mask, goal = known[:, fittable].astype(np.float64), targets[:, fittable]

    def objective(flat: Array) -> tuple[float, Array]:
        weights = flat[: rows * columns].reshape(rows, columns)
        logits = features @ weights + flat[rows * columns :]
        losses = (np.logaddexp(0, logits) - goal * logits) * mask
        residual = (expit(logits) - goal) * mask
        slope = features.T @ residual + weights / c
        gradient = np.concatenate([slope.ravel(), residual.sum(axis=0)])
        value = float(0.5 * np.square(weights).sum() / c + losses.sum())
        # Divided by the number of samples, so that one tolerance serves every size of split.
        return value / len(features), gradient / len(features)

    rate = np.divide(positives, counts, out=np.full(len(counts), 0.5), where=counts > 0)
    prior = np.clip(rate, 1e-6, 1 - 1e-6)
    weights = np.zeros((rows, labels.shape[1]))
    bias = np.log(prior / (1 - prior))
    if start is not None:
        weights, bias = start.weights.copy(), start.bias.copy()
    if columns:
        # On small problems the threads of the linear algebra cost more than they bring.
        threads = 1 if features.size < _LARGE else None
        options = {
            "maxiter": _MOST_ITERATIONS,
            "gtol": _GRADIENT_TOLERANCE,
            "ftol": _VALUE_TOLERANCE,
        }
        begin = np.concatenate([weights[:, fittable].ravel(), bias[fittable]])
        with threadpool_limits(threads, user_api="blas"):
            found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=options)
        solution = found.x
        weights[:, fittable] = solution[: rows * columns].reshape(rows, columns)
        bias[fittable] = solution[rows * columns :]
    return Logistic(weights, bias)
