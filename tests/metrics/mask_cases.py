"""Drawn masks, and predictions of them."""

from __future__ import annotations

import numpy as np

from cxrbench.data.packed import pack_mask
from cxrbench.data.samples import Sample
from cxrbench.metrics.masks import MaskInput
from cxrbench.predictions import Masks


def masks_of(predicted, true) -> Masks:
    """Predictions of bool masks, which may differ in size from image to image."""
    samples = [Sample(id=str(i), patient=str(i), image=None) for i in range(len(true))]
    return Masks(
        samples=samples,
        names=("finding",),
        labels=np.array([[m.any()] for m in true], np.float32),
        shapes=[m.shape for m in true],
        predicted=[pack_mask(m) for m in predicted],
        true=[pack_mask(m) for m in true],
    )


def drawn(seed, images=9):
    """Predicted and true masks; some of either are empty."""
    rng = np.random.default_rng(seed)
    there = rng.random((2, images, 1, 1)) < 0.7
    there[1, 0] = True
    there[1, 1] = False
    predicted, true = (rng.random((2, images, 7, 5)) < 0.4) & there
    return predicted, true


def input_of(predicted, true, distances=False) -> MaskInput:
    return MaskInput.of(masks_of(predicted, true), distances)
