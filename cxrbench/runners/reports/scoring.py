"""Reports as predictions, and what metrics read of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxrbench.metrics.registry import get_metric
from cxrbench.metrics.text.ids import Cut
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.predictions import Predictions, Texts
from cxrbench.runners.monitor import monitored
from cxrbench.runners.recipe import Select


def texts_input(found: Predictions, metric_ids: Sequence[str]) -> TextInput:
    """What metrics of reports are computed from.

    Args:
        found: The reports.
        metric_ids: The metrics, some of which may need the reports taken apart.
    """
    if not isinstance(found, Texts):
        raise TypeError(f"reports are scored from texts, not {type(found).__name__}")
    return _input(metric_ids, found.references, found.generated, found.cut_to)


def monitored_texts(
    select: Select, references: Sequence[str], generated: Sequence[str], cut_to: int | None = None
) -> float:
    """The number that selection looks at, higher is better; NaN where it is undefined.

    Args:
        select: What is looked at.
        references: N texts.
        generated: N texts.
        cut_to: As in `Texts`.

    Raises:
        CxrbenchError: When a metric is unknown, is none of reports, or cannot be computed here.
    """
    return monitored(select, _input(select.metrics, references, generated, cut_to))


def _input(
    metric_ids: Sequence[str],
    references: Sequence[str],
    generated: Sequence[str],
    cut_to: int | None,
) -> TextInput:
    kinds = {get_metric(name).input_type for name in metric_ids}
    # The narrowest kind serves them all.
    kind: Any = max(kinds, key=lambda kind: len(kind.__mro__), default=TextInput)
    cuts = {} if cut_to is None else {Cut(cut_to, "tokens"): references}
    found: TextInput = kind.of(references, generated, cuts=cuts)
    return found
