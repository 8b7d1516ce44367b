"""How far the outlines of masks lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.masks import MaskInput, MaskMetric
from cxrbench.metrics.ranking import FloatArray, ratio


@dataclass(frozen=True, kw_only=True)
class Hausdorff95(MaskMetric):
    """Mean over the images with a true mask of the Hausdorff distance at the 95th percentile."""

    def per_class(self, data: MaskInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1); NaN where no image has a true mask."""
        w, values = data.weights(weights), self.per_sample(data)
        return ratio(w @ np.nan_to_num(values), w @ ~np.isnan(values))[:, None]

    def per_sample(self, data: MaskInput) -> FloatArray:
        """(N,) pixels, NaN where there is no true mask."""
        return data.hausdorff


METRICS = (
    Hausdorff95(
        id="hausdorff95-positives",
        summary="Mean distance between predicted and true outline, of images with a true mask; "
        "the diagonal of the image where nothing is predicted.",
        formula="mean over i with |T_i| > 0 of max(p95 d(P_i, T_i), p95 d(T_i, P_i))",
        source="Huttenlocher et al. 1993 at the 95th percentile, the larger direction, as MONAI",
        range=(0.0, float("inf")),
        unit="pixels",
        higher_is_better=False,
    ),
)
