"""Intersection over union of masks, image by image and over all pixels together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.masks import MaskInput, MaskMetric, PooledMetric
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
class IouPooled(PooledMetric):
    """IoU of the pixels of all images together."""

    def overlap(self, hit: FloatArray, missed: FloatArray) -> FloatArray:
        """See `PooledMetric.overlap`."""
        return ratio(hit, hit + missed)


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
