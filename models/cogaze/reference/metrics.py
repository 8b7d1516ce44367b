"""Part `f_metrics`: scores of given predictions, and the background of rendered gaze maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxrbench.gaze.authors import without_background
from cxrbench.metrics.base import evaluate
from cxrbench.metrics.dice import dice_per_image, dice_pooled
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.registry import get_metric
from cxrbench.testing.reference import Compared, compare
from cxrbench.testing.vectors import Vectors

# Of two classes, the reference averages over the samples, which makes all four the accuracy.
_BINARY = {
    "auroc": "auroc-macro",
    "acc": "accuracy-top1",
    "recall": "accuracy-top1",
    "specificity": "accuracy-top1",
    "f1": "accuracy-top1",
    "true_f1_positive_class": "f1-binary@0.5",
    "sklearn_auroc_of_difference": "auroc-macro",
}
# Computed over both classes, each against the other.
_TWO_SIDED = {"ap": "auprc-macro", "macro_f1": "f1-macro@0.5"}
_MULTI_LABEL = {
    "auroc": "auroc-macro",
    "ap": "auprc-macro",
    "acc": "accuracy-elementwise@0.5",
    "f1": "f1-micro@0.5",
}
_MULTI_LABEL_SETS = ("multilabel", "multilabel_ties")


def check_metrics(vectors: Vectors) -> Iterator[Compared]:
    """What cxrbench computes of the file; the rest is named as skipped."""
    maps = np.stack([without_background(one).ravel() for one in vectors["gazebg_in"]])
    expected = vectors["gazebg_out"]
    yield compare(f"{vectors.name} gazebg_out", torch.from_numpy(maps), expected)
    yield from _binary(vectors)
    for key in _MULTI_LABEL_SETS:
        logits, labels = vectors[f"{key}_logits"], vectors[f"{key}_labels"]
        data = _input(1 / (1 + np.exp(-logits.astype(np.float64))), labels)
        yield from _scores(vectors, key, _MULTI_LABEL, data)
        yield from _rates(vectors, key, logits > 0, labels == 1)
    yield from _dice(vectors)


def _rates(
    vectors: Vectors, prefix: str, found: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> Iterator[Compared]:
    """Recall and specificity over all images and labels together, at a probability of 0.5."""
    rates = {"recall": found[truth].mean(), "specificity": 1 - found[~truth].mean()}
    for name, value in rates.items():
        key = f"{prefix}_{name}"
        yield compare(f"{vectors.name} {key}", torch.tensor(value), vectors[key])


def _dice(vectors: Vectors) -> Iterator[Compared]:
    """K batches of N images."""
    given, masks = vectors["dice_probs"], vectors["dice_masks"]
    threshold = float(vectors["dice_threshold"])
    whole = given.reshape(-1, *given.shape[2:]), masks.reshape(-1, *masks.shape[2:])
    batches = [
        dice_per_image(own, truth, threshold, strict=True).mean()
        for own, truth in zip(given, masks, strict=True)
    ]
    found = {
        "dice_mgca_per_batch": batches,
        "dice_mgca_mean_of_batches": np.mean(batches),
        "dice_benchx_all": dice_per_image(*whole, threshold).mean(),
        "dice_torchmetrics": dice_pooled(*whole, threshold),
    }
    for key, value in found.items():
        yield compare(f"{vectors.name} {key}", torch.tensor(value), vectors[key])


def _binary(vectors: Vectors) -> Iterator[Compared]:
    logits, labels = vectors["binary_logits"].astype(np.float64), vectors["binary_labels"]
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = shifted / shifted.sum(axis=1, keepdims=True)
    one = _input(scores[:, 1:], labels[:, None])
    yield from _scores(vectors, "binary", _BINARY, one)
    both = _input(scores, np.stack([1 - labels, labels], axis=1))
    yield from _scores(vectors, "binary", _TWO_SIDED, both)


def _input(scores: NDArray[Any], labels: NDArray[Any]) -> ClassificationInput:
    names = [f"label {column}" for column in range(scores.shape[1])]
    return ClassificationInput(scores, labels, names)


def _scores(
    vectors: Vectors, prefix: str, metrics: dict[str, str], data: ClassificationInput
) -> Iterator[Compared]:
    for key, metric in metrics.items():
        found = torch.tensor(evaluate(get_metric(metric), data).value)
        yield compare(f"{vectors.name} {prefix}_{key}", found, vectors[f"{prefix}_{key}"])
