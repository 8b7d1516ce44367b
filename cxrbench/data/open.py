"""Opening the data of a task: the real download, or its phantom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cxrbench.cards import TaskCard
from cxrbench.data.roots import find_root
from cxrbench.data.samples import LabelledImages
from cxrbench.errors import BadRequest
from cxrbench.phantom.cache import cached
from cxrbench.registry import load_entry


def open_task(card: TaskCard, roots: Mapping[str, Path], *, demo: bool = False) -> LabelledImages:
    """Find, read and verify the data of a task.

    Args:
        card: The task.
        roots: Data set name to folder, from the command line.
        demo: Use the phantom of the data set, made on first use.

    Raises:
        DataError: When the data is missing or is not what the card declares.
        BadRequest: When a phantom is asked for and the task has none.
    """
    root = phantom_root(card) if demo else find_root(card.dataset, roots)
    data: LabelledImages = load_entry(card.entry)(root, card)
    return data


def phantom_root(card: TaskCard) -> Path:
    """The folder of the task's phantom, written on first use.

    Raises:
        BadRequest: When the task has no phantom.
    """
    if not card.phantom:
        raise BadRequest(
            f"{card.id} has no phantom",
            why="its card names no function that writes one",
            fix=f"give the real data with --data-root {card.dataset.name}=DIR",
        )
    settings = card.phantom_settings
    write = partial(load_entry(card.phantom), **settings)
    return cached(card.dataset.name, write, {"writer": card.phantom, **settings})
