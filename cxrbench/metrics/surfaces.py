"""Distances between the outlines of masks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxrbench.data.regions import Mask
from cxrbench.metrics.ranking import FloatArray

_PERCENT = 95


def outline(mask: Mask) -> npt.NDArray[np.intp]:
    """(K, 2) rows and columns of the marked pixels that touch an unmarked one.

    A pixel touches the four beside it; what is beyond the border of the image counts as unmarked.
    """
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not rows.size:
        return np.empty((0, 2), np.intp)
    corner = rows[0], columns[0]
    padded = np.pad(mask[corner[0] : rows[-1] + 1, corner[1] : columns[-1] + 1], 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(np.argwhere(padded[1:-1, 1:-1] & ~inner) + np.asarray(corner), np.intp)


def hausdorff95(first: Mask, second: Mask) -> float:
    """The larger of both directed 95th percentiles of the distances between two outlines.

    From every pixel of one outline the distance to the nearest of the other is taken, in pixels;
    percentiles are interpolated linearly. Of two empty masks it is 0. Where one alone is empty it
    is the diagonal of the image, above which no distance can be: a mask that is left out is never
    better than one that is drawn in a wrong place.

    Args:
        first: Bool H×W.
        second: The same.
    """
    outlines = outline(first), outline(second)
    empty = [not len(points) for points in outlines]
    if any(empty):
        return 0.0 if all(empty) else float(np.hypot(*first.shape))
    from scipy.spatial import cKDTree

    trees = [cKDTree(points) for points in outlines]
    directed: list[FloatArray] = [trees[1].query(outlines[0])[0], trees[0].query(outlines[1])[0]]
    return float(max(np.percentile(distances, _PERCENT) for distances in directed))
