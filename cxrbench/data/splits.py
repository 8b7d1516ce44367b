"""Split lists: read beside the data or fetched, checked, and told official from custom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from cxrbench.cards import SplitCard, TaskCard
from cxrbench.data.samples import SplitName
from cxrbench.download import download
from cxrbench.errors import DataError
from cxrbench.hashing import sha256_ids
from cxrbench.paths import cache_dir


@dataclass(frozen=True)
class SplitList:
    """The ids of one split and the file they come from."""

    ids: tuple[str, ...]
    source: Path


def read_split(root: Path, card: TaskCard, name: SplitName) -> SplitList:
    """Read a list from `splits/` beside the data, else from its official address.

    Raises:
        DataError: When there is no list, it is no text, it is empty, or it names an id twice.
    """
    split = card.splits[name]
    path = root / "splits" / f"{split.file}.txt"
    if not path.exists():
        try:
            path = _official_list(card, split)
        except DataError as error:
            raise DataError(
                f"the split list {split.file}.txt of {card.id} is missing",
                why=f"not in {root / 'splits'}, and {error.why}",
                fix=f"place {split.file}.txt (one id a line) in {root / 'splits'}",
            ) from error
    lines = _stripped_lines(card, path)
    ids = tuple(line for line in lines if line)
    if not ids:
        raise DataError(
            f"the {name} split of {card.id} is empty",
            why=f"{path} holds no id",
            fix="write one id a line, or delete the file to use the official list",
        )
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(
            f"the {name} split of {card.id} names an id twice",
            why=f"{path}, line {lines.index(twice[0]) + 1}: {twice[0]} ({len(twice)} such ids)",
            fix="remove the repeated lines",
        )
    return SplitList(ids, path)


def is_official(card: TaskCard, name: SplitName, ids: Sequence[str], patients: int) -> bool:
    """Whether a list is the one the card describes.

    By hash where the card knows one. Else its numbers of images and patients must fit, and its
    content must be that of the list at the official address, which is fetched once and kept. A
    list that cannot be compared is not official.
    """
    split = card.splits[name]
    if split.sha256 is not None:
        return sha256_ids(ids) == split.sha256
    if len(ids) != split.n or split.patients not in (None, patients):
        return False
    try:
        official = _official_list(card, split)
    except DataError:
        return False
    return set(_stripped_lines(card, official)) - {""} == set(ids)


def check_disjoint(card: TaskCard, patients: Mapping[SplitName, Mapping[str, str]]) -> None:
    """Check that no patient is in two splits.

    Args:
        card: The task.
        patients: For each split, id to patient.

    Raises:
        DataError: Naming a patient and an image of each side.
    """
    for first, second in combinations(patients, 2):
        shared = set(patients[first].values()) & set(patients[second].values())
        if shared:
            patient = min(shared)
            where = " and ".join(
                f"{next(i for i, p in patients[side].items() if p == patient)} in {side}"
                for side in (first, second)
            )
            raise DataError(
                f"the splits of {card.id} share {len(shared)} patient(s)",
                why=f"patient {patient}: {where}",
                fix="split by patient: a shared patient leaks test images into training",
            )


def _stripped_lines(card: TaskCard, path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(
            f"a split list of {card.id} cannot be read",
            why=f"{path}: {error}",
            fix="write one id a line as plain text, or delete the file to use the official list",
        ) from error


def _official_list(card: TaskCard, split: SplitCard) -> Path:
    """The list from its official address, fetched once and kept."""
    kept = cache_dir() / "splits" / card.dataset.name / f"{split.file}.txt"
    if not kept.exists():
        download(split.url, kept, sha256=None)
    found = sum(1 for line in _stripped_lines(card, kept) if line)
    if found != split.n:
        kept.unlink()
        raise DataError(
            f"the official list {split.file}.txt of {card.id} is not what its card says",
            why=f"{split.url} holds {found} ids, the card says {split.n}",
            fix="the address may serve another version: report it; nothing was kept",
        )
    return kept
