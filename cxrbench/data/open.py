"""Opening the data of a task or a whole data set: the real download, or its phantom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cxrbench.cards import DatasetCard, TaskCard
from cxrbench.data.assemble import BY_ID, assemble
from cxrbench.data.collection import Collection, Download
from cxrbench.data.roots import find_root, needed_roots
from cxrbench.data.samples import LabelledImages
from cxrbench.errors import BadRequest
from cxrbench.phantom.cache import cached
from cxrbench.registry import load_entry


def open_task(
    card: TaskCard, roots: Mapping[str, Path], *, demo: bool = False, lookup: str = BY_ID
) -> LabelledImages:
    """Find, read and verify the data of a task.

    Args:
        card: The task.
        roots: Data set name to folder, from the command line.
        demo: Use the phantom of the data set, made on first use.
        lookup: How a line of a list finds its image (see `assemble`).

    Raises:
        DataError: When the data is missing or is not what the card declares.
        BadRequest: When a phantom is asked for and the data set has none.
    """
    lists = {str(split): name for split, name in card.lists.items()}
    return open_lists(
        card.dataset, roots, lists, card.labels,
        demo=demo, lookup=lookup, phantom=card.phantom_settings,
    )  # fmt: skip


def open_lists(
    card: DatasetCard,
    roots: Mapping[str, Path],
    lists: Mapping[str, str],
    labels: Sequence[str],
    *,
    demo: bool = False,
    disjoint: bool = True,
    lookup: str = BY_ID,
    phantom: Mapping[str, Any] | None = None,
) -> LabelledImages:
    """As `open_task`, for any lists and labels of a data set (see `assemble`)."""
    download = find_download(card, roots, demo=demo, phantom=phantom)
    return assemble(download, read(download), lists, labels, disjoint=disjoint, lookup=lookup)


def find_download(
    card: DatasetCard,
    roots: Mapping[str, Path],
    *,
    demo: bool = False,
    phantom: Mapping[str, Any] | None = None,
) -> Download:
    """The folder of a data set and those of what it needs; of phantoms with the settings asked for.

    Raises:
        DataError: When one of them is not there.
        BadRequest: When a phantom is asked for and the data set has none.
    """
    root = phantom_root(card, phantom) if demo else find_root(card, roots)
    return Download(root, card, needed_roots(card, root, {} if demo else roots))


def read(download: Download) -> Collection:
    """All radiographs of a download.

    Raises:
        DataError: When it is damaged or is not what the card declares.
    """
    found: Collection = load_entry(download.card.entry)(download)
    return found


def phantom_root(card: DatasetCard, asked: Mapping[str, Any] | None = None) -> Path:
    """The folder of the data set's phantom, written on first use.

    Args:
        card: The data set.
        asked: Settings in place of its own, such as the form.

    Raises:
        BadRequest: When the data set has no phantom.
    """
    if not card.phantom:
        raise BadRequest(
            f"{card.name} has no phantom",
            why="its card names no function that writes one",
            fix=f"give the real data with --data-root {card.name}=DIR",
        )
    settings = {**card.phantom_settings, **(asked or {})}
    write = partial(load_entry(card.phantom), **settings)
    return cached(card.home or card.name, write, {"writer": card.phantom, **settings})
