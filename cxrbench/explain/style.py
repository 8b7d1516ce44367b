"""How every picture of an image looks; what all figures share is in `cxrbench.plotting`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch.nn import functional as F

from cxrbench.explain.view import View
from cxrbench.plotting import new_figure

DPI = 150
HEAT = "inferno"
OUTLINE = "#00e5ff"
_TILE = 1.9
_MARGIN = 1.1
_OPAQUE = 0.75


def tiles(
    lines: Sequence[str], items: int, per_item: int, *, text_lines: int = 1
) -> tuple[Figure, npt.NDArray[Any]]:
    """A figure of items side by side, each a few tiles wide.

    Args:
        lines: See `new_figure`.
        items: How many.
        per_item: Tiles of an item.
        text_lines: Lines under a tile.

    Returns:
        The figure, and its axes as items×per_item; axes that nothing is drawn in are taken off.
    """
    columns = min(items, max(1, 6 // per_item))
    rows = ceil(items / columns)
    height = rows * (_TILE + 0.14 * (text_lines + 1)) + 0.2 * len(lines) + 0.4
    figure = new_figure(lines, max(5.5, columns * per_item * _TILE + _MARGIN), height)
    grid = figure.subplots(rows, columns * per_item, squeeze=False)
    found = grid.reshape(rows * columns, per_item)
    for axes in grid.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
    for axes in found[items:].ravel():
        axes.remove()
    return figure, found[:items]


def show_image(axes: Axes, view: View, text: str = "") -> None:
    """A radiograph as the encoder sees it, with what is marked on it outlined."""
    axes.imshow(view.grey, cmap="gray", vmin=0, vmax=255)
    if view.marked is not None and view.marked.any() and not view.marked.all():
        axes.contour(view.marked.astype(float), levels=[0.5], colors=OUTLINE, linewidths=1)
    axes.set_xlabel(text, fontsize=7, labelpad=3)


def show_heat(axes: Axes, view: View, heat: npt.NDArray[Any], top: float, text: str = "") -> None:
    """A radiograph under h×w heat: the hotter, the less of it is seen.

    Args:
        axes: Where.
        view: The radiograph.
        heat: Not negative.
        top: Value of the hottest colour, the same for all pictures that are compared.
        text: Under the picture.
    """
    show_image(axes, view, text)
    smooth = upsample(heat, (view.grey.shape[0], view.grey.shape[1]))
    share = np.clip(smooth / top, 0, 1)
    axes.imshow(smooth, cmap=HEAT, vmin=0, vmax=top, alpha=_OPAQUE * share)


def upsample(heat: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """h×w cells to an image of `size`, bicubic between the centres of the cells, not negative."""
    cells = torch.as_tensor(heat, dtype=torch.float64)[None, None]
    wide = F.interpolate(cells, size=size, mode="bicubic", align_corners=False)
    return np.asarray(wide[0, 0].clamp_min(0).numpy())


def colour_bar(figure: Figure, axes: npt.NDArray[Any], top: float, text: str) -> None:
    """The scale of heat from 0 to `top`, right of the axes."""
    scale = ScalarMappable(Normalize(0, top), HEAT)
    bar = figure.colorbar(scale, ax=list(axes.ravel()), fraction=0.025, pad=0.01, aspect=30)
    bar.set_label(text, fontsize=7)
    bar.ax.tick_params(labelsize=6)


def wrap(text: str, width: int, most: int) -> str:
    """Text in at most so many lines."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), width, max_lines=most, placeholder=" …"))
