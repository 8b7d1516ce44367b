"""What comes with an image: its view and its clinical context."""

from __future__ import annotations

from collections.abc import Sequence

from cxrbench.encoder import ImageBatch
from cxrbench.errors import RunError

UNKNOWN_VIEW = "unk"
"""The row of a view table for images whose view is unknown or not in the table."""


def contexts(batch: ImageBatch) -> list[str]:
    """The context of each image without spaces around it, empty where there is none."""
    return [(text or "").strip() for text in _per_image(batch, "context", batch.context)]


def view_rows(batch: ImageBatch, views: Sequence[str]) -> list[int]:
    """The row of each image's view in a table; see `rows_of`."""
    return rows_of(_per_image(batch, "view", batch.view), views)


def rows_of(given: Sequence[str | None], views: Sequence[str]) -> list[int]:
    """The row of each view in a table.

    Args:
        given: Views in any case; None, and what the table lacks, is unknown.
        views: The rows of the table, one of them `UNKNOWN_VIEW`.
    """
    rows = {view.upper(): row for row, view in enumerate(views)}
    unknown = rows[UNKNOWN_VIEW.upper()]
    return [rows.get((view or UNKNOWN_VIEW).strip().upper(), unknown) for view in given]


def _per_image(
    batch: ImageBatch, name: str, values: Sequence[str | None] | None
) -> Sequence[str | None]:
    if values is None:
        return [None] * len(batch)
    if len(values) != len(batch):
        raise RunError(
            "cannot encode images",
            why=f"{len(batch)} images came with {len(values)} values of `{name}`",
            fix="give one value an image, None where unknown",
        )
    return values
