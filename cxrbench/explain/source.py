"""The images to explain an encoder on: a split of a task or of a whole data set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrbench.cards import DatasetCard, TaskCard
from cxrbench.data.assemble import assemble
from cxrbench.data.collection import Collection
from cxrbench.data.open import find_download, read
from cxrbench.data.samples import LabelledImages, Split
from cxrbench.data.splits import has_list
from cxrbench.errors import BadRequest

_ROLE = re.compile(r"(val|test)$")
_SHOWN, _TRAIN = "shown", "train"


@dataclass(frozen=True)
class Source:
    """Opened images.

    Attributes:
        card: The data set.
        data: Its splits `shown` and, unless that is a training split or there is none, `train`.
        split: Name of the list that is shown.
        fitted: Name of the list that classifiers are fitted on; None without `train`.
    """

    card: DatasetCard
    data: LabelledImages
    split: str
    fitted: str | None

    @property
    def shown(self) -> Split:
        """What is shown."""
        return self.data.splits[_SHOWN]

    @property
    def restricted(self) -> bool:
        """Whether the images may not leave the machine; those of a phantom may."""
        return self.card.access == "credentialed" and self.data.kind == "real"

    @property
    def train(self) -> Split | None:
        """What classifiers are fitted on."""
        return self.data.splits.get(_TRAIN)


def open_source(
    card: TaskCard | DatasetCard, split: str, roots: Mapping[str, Path], *, demo: bool
) -> Source:
    """Find, read and verify the images.

    Args:
        card: A task or a data set.
        split: A split of the task; or a list of the data set, where `test` also means that of the
            form of the download found, such as `openi_test`.
        roots: Data set name to folder.
        demo: Use the phantom.

    Raises:
        BadRequest: When there is no such split.
        DataError: When the data is missing or is not what the card declares.
    """
    if isinstance(card, TaskCard):
        named = {str(role): name for role, name in card.lists.items()}
        dataset, labels = card.dataset, card.labels
        _require(card.id, split, list(named))
        shown, fitted = named[split], named.get(_TRAIN) if split != _TRAIN else None
        download = find_download(dataset, roots, demo=demo)
        found = read(download)
    else:
        dataset, labels = card, card.labels
        known = list(card.splits)
        _require(card.name, split, [*known, *(n for n in _roles(known) if n not in known)])
        download = find_download(dataset, roots, demo=demo)
        found = read(download)
        shown = _of_form(card, found, split)
        fitted = _ROLE.sub(_TRAIN, shown) if _ROLE.search(shown) else None
    if fitted is not None and not (
        fitted in dataset.splits and has_list(download.root, dataset, fitted, found.lists)
    ):
        fitted = None
    lists = {_SHOWN: shown} if fitted is None else {_TRAIN: fitted, _SHOWN: shown}
    return Source(dataset, assemble(download, found, lists, labels), shown, fitted)


def _roles(names: Sequence[str]) -> list[str]:
    return sorted({name.rpartition("_")[2] for name in names if _ROLE.search(name)})


def _of_form(card: DatasetCard, found: Collection, split: str) -> str:
    names = [split, *(name for name in card.splits if name.endswith(f"_{split}"))]
    fitting = [n for n in names if n in card.splits and card.splits[n].form in ("", found.form)]
    return fitting[0] if fitting else split


def _require(owner: str, split: str, known: Sequence[str]) -> None:
    if split not in known:
        raise BadRequest(
            f"{owner} has no split {split}",
            why=f"it has {', '.join(known)}",
            fix="say --split with one of these",
        )
