"""A model that is not here leaves its metrics without a value; it never fails a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cxrbench.errors import WeightsError
from cxrbench.metrics.base import MetricUnavailable


@contextmanager
def reading() -> Iterator[None]:
    """Around all that finds, loads or uses a reader.

    Raises:
        MetricUnavailable: Instead of a `WeightsError`: files that are absent, damaged, not the
            declared ones, or those of another model.
    """
    try:
        yield
    except WeightsError as error:
        raise MetricUnavailable(error.what, why=error.why, fix=error.fix) from error
