"""Progress bars: for work longer than two seconds, on a terminal; quiet when piped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console

T = TypeVar("T")

stderr = Console(stderr=True)
_PATIENCE_SECONDS = 2.0


def track(
    items: Iterable[T],
    title: str,
    *,
    total: int | None = None,
    weigh: Callable[[T], int] | None = None,
) -> Iterator[T]:
    """Iterate; a bar appears on stderr once two seconds have passed.

    Args:
        items: What to go through.
        title: Shown left of the bar.
        total: Number of steps; else the number of items where that is known.
        weigh: Steps that an item stands for; one each by default.
    """
    from rich.progress import (  # not needed to list what there is
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if total is None and isinstance(items, Sized):
        total = len(items)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal)
    task = bar.add_task(title, total=total)
    start, shown = time.monotonic(), False
    try:
        for item in items:
            yield item
            bar.advance(task, weigh(item) if weigh else 1)
            if not shown and time.monotonic() - start > _PATIENCE_SECONDS:
                bar.start()
                shown = True
    finally:
        if shown:
            bar.stop()
