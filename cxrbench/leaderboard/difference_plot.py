"""A figure of the differences between two models, a line for each task and metric.

Right is where the first model is better, also where low values are good. Colours are those of
Okabe and Ito; shapes and filling say the same as they do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from cxrbench.leaderboard.difference import LEVEL, favours, p_text
from cxrbench.leaderboard.units import FRACTION, scale
from cxrbench.plotting import FAINT, house_style, legend_below, new_figure, plain_axes, save
from cxrbench.results.comparison import ModelComparison, tested

_STYLES: dict[int, tuple[str, str, str]] = {
    1: ("#0072b2", "o", "#0072b2"),
    -1: ("#d55e00", "s", "#d55e00"),
    0: ("#555555", "D", "white"),
}
"""Colour, shape and filling by which model is better beyond chance."""

_WIDTH, _LINE, _AROUND = 7.5, 0.3, 0.75
_NAME_WIDTH, _MODEL_WIDTH = 36, 38


def save_differences(family: Sequence[ModelComparison], path: Path) -> None:
    """Draw a family of comparisons into a file; its suffix is one of `plotting.FORMATS`.

    Raises:
        OSError: When the file cannot be written.
    """
    with house_style():
        save(draw_differences(family), path)


def draw_differences(family: Sequence[ModelComparison]) -> Figure:
    """The figure: a panel for each unit, a line for each comparison that has a difference."""
    units = list(dict.fromkeys(each.found.unit for each in family))
    panels = [[each for each in family if each.found.unit == unit] for unit in units]
    lines = _title(family)
    height = sum(len(panel) * _LINE + _AROUND for panel in panels)
    figure = new_figure(lines, _WIDTH, height + 0.17 * len(lines) + 0.2)
    grid = figure.subplots(
        len(panels), 1, squeeze=False, height_ratios=[len(panel) + 1 for panel in panels]
    )
    for axes, panel, unit in zip(grid[:, 0], panels, units, strict=True):
        _draw(axes, panel, unit, _named(family))
    first, second = family[0].first.name, family[0].second.name
    grid[0, 0].set_title(f"← {_short(second)} better", loc="left", fontsize=8)
    grid[0, 0].set_title(f"{_short(first)} better →", loc="right", fontsize=8)
    legend_below(figure, [_key(side, text) for side, text in _keys(first, second)])
    return figure


def _draw(axes: Axes, panel: Sequence[ModelComparison], unit: str, named: Sequence[str]) -> None:
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for row, each in enumerate(panel):
        found = each.found
        if found.difference is None:
            axes.text(0.5, row, "undefined", transform=beside, ha="center", va="center", fontsize=7)
            continue
        factor = scale(unit) * (1 if found.higher_is_better else -1)
        colour, shape, filling = _STYLES[favours(each)]
        bounds = found.ci95 or (found.delong.ci95 if found.delong else None)
        if bounds is not None:
            ends = [bound * factor for bound in bounds]
            # Dashed where no bootstrap was possible and the interval is DeLong's.
            style = "-" if found.ci95 else "--"
            axes.plot(ends, [row, row], color=colour, linewidth=1.4, linestyle=style, zorder=2)
        axes.plot(
            [found.difference * factor], [row], shape, color=colour,
            markerfacecolor=filling, markersize=5.5, zorder=3,
        )  # fmt: skip
        text = f"p = {p_text(found.p_holm)}"
        axes.text(1.015, row, text, transform=beside, va="center", fontsize=7, clip_on=False)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(panel)), [_name(each, named) for each in panel], linespacing=1.1)
    axes.set_ylim(len(panel) - 0.4, -0.6)
    plain_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    low, high = axes.get_xlim()
    reach = max(abs(low), abs(high))
    axes.set_xlim(-reach, reach)
    measure = "percentage points" if unit == FRACTION else unit
    turned = not all(each.found.higher_is_better for each in panel)
    said = ", turned round where low is good (↓)" if turned else ""
    axes.set_xlabel(f"difference in {measure}{said}", fontsize=8)


def _named(family: Sequence[ModelComparison]) -> list[str]:
    """What a line has to say, since it is not the same for all: metric, protocol."""
    return [n for n in ("metric", "protocol") if len({getattr(each, n) for each in family}) > 1]


def _name(each: ModelComparison, named: Sequence[str]) -> str:
    """The task, and below it what else tells the line from others."""
    low = "" if each.found.higher_is_better else " ↓"
    said = {"metric": each.metric + low, "protocol": each.protocol}
    below = textwrap.wrap(
        ", ".join(said[name] for name in named), _NAME_WIDTH, break_on_hyphens=False
    )
    return "\n".join([each.task, *below])


def _short(name: str) -> str:
    return name if len(name) <= _MODEL_WIDTH else f"{name[: _MODEL_WIDTH - 1]}…"


def _title(family: Sequence[ModelComparison]) -> list[str]:
    one, tests = family[0], tested(family)
    same = [getattr(one, name) for name in ("metric", "protocol") if name not in _named(family)]
    about = "".join(f"{text}, " for text in same)
    test = "p: approximate randomisation"
    lines = [
        f"{one.first.name} against {one.second.name}",
        f"{about}test split, 95 % CI of a paired bootstrap over patients",
        f"{test}, adjusted by Holm over {tests} tests" if tests > 1 else test,
    ]
    reasons = dict.fromkeys(reason for each in family for reason in each.unranked_because)
    return [*lines, f"not ranked: {', '.join(reasons)}"] if reasons else lines


def _keys(first: str, second: str) -> list[tuple[int, str]]:
    return [
        (1, f"{first} is better (p ≤ {LEVEL})"),
        (-1, f"{second} is better (p ≤ {LEVEL})"),
        (0, f"no difference is shown (p > {LEVEL})"),
    ]


def _key(side: int, text: str) -> Line2D:
    colour, shape, filling = _STYLES[side]
    return Line2D([], [], color=colour, marker=shape, markerfacecolor=filling, markersize=5.5,
                  linewidth=1.4, label=text)  # fmt: skip
