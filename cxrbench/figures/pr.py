"""Precision-recall curves."""

from __future__ import annotations

from collections.abc import Iterator

from cxrbench.figures.curves import CurveKind, sheets_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.metrics.curves import precision_curves

KIND = CurveKind(
    id="pr",
    title="Precision-recall curves",
    metric="auprc-macro",
    curve=precision_curves,
    x="recall",
    y="precision",
    caption="Precision where at least that share of the positives is found, without interpolation; "
    "the area under the mean of the labels is auprc-macro. Dashed: the share of positives.",
    diagonal=False,
)


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each task and state of its data."""
    return sheets_of(KIND, scope)
