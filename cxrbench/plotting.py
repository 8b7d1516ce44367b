"""How every figure looks, and how it becomes a file: shared by all that draws."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrbench.atomic import atomic_path

COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000",
)  # fmt: skip
"""Distinct also to colour-blind readers (Okabe and Ito); their yellow is lost on white."""
GREY = "#aaaaaa"
FAINT = "#dddddd"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")

_PER_INCH = 14
_TITLE_SIZE = 9
_KEY_LETTERS = 8
_LEGEND_LINE = 0.155
_DPI = 200
# Files without dates and random ids: the same figure gives the same bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}
FORMATS = tuple(_METADATA)
"""What a figure can be saved as."""
_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "cxrbench", "pdf.fonttype": 42, "hatch.linewidth": 0.6}


@contextmanager
def house_style() -> Iterator[None]:
    """Settings to draw and to save under, whatever the user has set for other figures."""
    with style.context(["default", _SETTINGS]):
        yield


def new_figure(lines: Sequence[str], width: float, height: float) -> Figure:
    """An empty figure with a title of several lines.

    Args:
        lines: What it is, then what it was made from.
        width: In inches.
        height: In inches, the title included.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    first, *rest = title_lines(lines, width)
    figure.suptitle(first + "".join(f"\n{line}" for line in rest), fontsize=_TITLE_SIZE)
    return figure


def title_lines(lines: Sequence[str], width: float) -> list[str]:
    """The lines of a title as they are wrapped in a figure so many inches wide."""
    most = int(width * _PER_INCH)
    return [lines[0], *(part for line in lines[1:] for part in textwrap.wrap(line, most))]


def plain_axes(axes: Axes) -> None:
    """Small ticks and no frame above and right."""
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def legend_below(figure: Figure, handles: Sequence[Artist], *, title: str = "") -> None:
    """A legend of labelled lines or patches under all axes; the figure grows by its height."""
    if not handles:
        return
    width = figure.get_figwidth()
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(width * _PER_INCH / (longest + _KEY_LETTERS))))
    rows = ceil(len(handles) / columns) + bool(title)
    figure.set_figheight(figure.get_figheight() + _LEGEND_LINE * rows + 0.1)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=7, frameon=False,
        title=title or None, title_fontsize=7, handlelength=2.6,
    )  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says (see `FORMATS`); the same figure gives the same bytes.

    Raises:
        OSError: When the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    with matplotlib.rc_context(_SETTINGS), atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=_DPI, metadata=_METADATA[kind])
