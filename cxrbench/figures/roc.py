"""ROC curves."""

from __future__ import annotations

from collections.abc import Iterator

from cxrbench.figures.curves import CurveKind, sheets_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.metrics.curves import roc_curves

KIND = CurveKind(
    id="roc",
    title="ROC curves",
    metric="auroc-macro",
    curve=roc_curves,
    x="false positive rate",
    y="sensitivity",
    caption="The mean of the labels is taken at each false positive rate; the area under it is "
    "auroc-macro.",
    diagonal=True,
)


def sheets(scope: Scope) -> Iterator[Sheet]:
    """One for each task and state of its data."""
    return sheets_of(KIND, scope)
