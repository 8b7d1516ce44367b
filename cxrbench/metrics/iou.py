"""Intersection over union of masks, image by image and over all pixels together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.masks import MaskInput, MaskMetric
from cxrbench.metrics.ranking import FloatArray, ratio


@dataclass(frozen=True, kw_only=True)
class IouImage(MaskMetric):
    """Mean over the images with a true mask of the IoU of each."""

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where no image has a true mask."""
        w, values = data.weights(weights), np.nan_to_num(self.per_sample(data))
        return ratio(w @ values, w @ data.positive)[:, None]

    def per_sample(self, data: MaskInput) -> FloatArray:
        """(N,), NaN where there is no true mask."""
        values = ratio(data.tp, data.tp + data.fp + data.fn)
        return np.where(data.positive, values, np.nan)


@dataclass(frozen=True, kw_only=True)
class IouPooled(MaskMetric):
    """IoU of the pixels of all images together.

    Undefined (NaN) for a class of which the truth has no pixel, whatever is predicted.

    Attributes:
        background: Whether the mean with the IoU of the background is taken.
    """

    background: bool = False

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1), or (R, 2) with the background first; NaN where the truth has no such pixel."""
        w = data.weights(weights)
        tp, fp, fn, tn = (w @ counts for counts in (data.tp, data.fp, data.fn, data.tn))
        foreground = np.where(tp + fn > 0, ratio(tp, tp + fp + fn), np.nan)
        if not self.background:
            return foreground[:, None]
        background = np.where(tn + fp > 0, ratio(tn, tn + fp + fn), np.nan)
        return np.stack([background, foreground], axis=1)


METRICS = (
    IouImage(
        id="iou-image-positives",
        summary="Mean IoU of the images that have a true mask.",
        formula="mean over i with |T_i| > 0 of |P_i n T_i| / |P_i u T_i|",
        source="Jaccard 1912, image by image",
    ),
    IouPooled(
        id="iou-pooled-fg",
        summary="IoU of the marked pixels of all images together.",
        formula="TP / (TP + FP + FN), pixels of all images added up",
        source="torchmetrics JaccardIndex(task='binary')",
    ),
    IouPooled(
        id="miou-pooled-with-bg",
        summary="Mean of the pooled IoU of background and of marked pixels.",
        formula="(TN / (TN + FP + FN) + TP / (TP + FP + FN)) / 2, pixels added up",
        source="mIoU of MMSegmentation",
        averaging="macro",
        background=True,
    ),
)
