"""Which images anything is predicted on: what explains a Dice that counts empty images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.masks import MaskInput, MaskMetric
from cxrbench.metrics.ranking import FloatArray, ratio


@dataclass(frozen=True, kw_only=True)
class ImageLevel(MaskMetric):
    """Share of the images with, or without, a true mask that are told right.

    Attributes:
        positive: Whether images with a true mask are looked at.
    """

    positive: bool

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where there are no such images."""
        w, counts = data.weights(weights), data.positive == self.positive
        return ratio(w @ (counts & (data.predicted == self.positive)), w @ counts)[:, None]

    def per_sample(self, data: MaskInput) -> FloatArray:
        """(N,) 1 or 0, NaN for images that are not looked at."""
        right = (data.predicted == self.positive).astype(np.float64)
        return np.where(data.positive == self.positive, right, np.nan)


METRICS = (
    ImageLevel(
        id="lesion-image-sensitivity",
        summary="Share of the images with a true mask on which any pixel is predicted.",
        formula="#(|T_i| > 0, |P_i| > 0) / #(|T_i| > 0)",
        source="sensitivity of the decision that a mask is not empty",
        positive=True,
    ),
    ImageLevel(
        id="lesion-image-specificity",
        summary="Share of the images without a true mask on which no pixel is predicted.",
        formula="#(|T_i| = 0, |P_i| = 0) / #(|T_i| = 0)",
        source="specificity of the decision that a mask is not empty",
        positive=False,
    ),
)
