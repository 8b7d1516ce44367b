"""Places in a column, and in a table of several columns."""

from __future__ import annotations

from collections.abc import Sequence


def places(values: Sequence[float | None], *, higher_is_better: bool = True) -> list[int | None]:
    """The place of each value, from 1; equal values share one and the next is skipped.

    Args:
        values: At full precision; None has no place.
        higher_is_better: Direction.
    """
    sign = -1 if higher_is_better else 1
    keys = [None if value is None else sign * value for value in values]
    known = sorted(key for key in keys if key is not None)
    return [None if key is None else known.index(key) + 1 for key in keys]


def row_places(columns: Sequence[Sequence[int | None]], count: int) -> list[int | None]:
    """The place of each row by the mean of its places in the columns.

    A row without a value in a column counts as one place behind the last one there, so that leaving
    out what a model is bad at does not pay. A row without any value has no place.

    Args:
        columns: For each column the places of the rows.
        count: Number of rows.
    """
    sums: list[int | None] = []
    for index in range(count):
        own = [column[index] for column in columns]
        last = [1 + sum(rank is not None for rank in column) for column in columns]
        scores = [rank if rank is not None else worst
                  for rank, worst in zip(own, last, strict=True)]  # fmt: skip
        sums.append(None if all(rank is None for rank in own) else sum(scores))
    return places(sums, higher_is_better=False)
