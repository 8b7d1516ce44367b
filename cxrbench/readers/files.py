"""Where the files of a reader are: a folder of the user's, our cache, the hub's, or the network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrbench.cards import WeightsFile
from cxrbench.errors import CxrbenchError, MissingWeightsError, WeightsError
from cxrbench.hashing import sha256_file, sha256_json
from cxrbench.paths import cache_dir
from cxrbench.readers.card import ReaderCard, reader_card
from cxrbench.weights.choice import ResolvedFile
from cxrbench.weights.locate import fetch as fetch_file
from cxrbench.weights.locate import file_names, locate

_failed: dict[tuple[str, str], str] = {}
"""Files that could not be fetched, and why: a network that is not there is tried once a process."""


class ReaderUnavailable(MissingWeightsError):  # noqa: N818  (as `MetricUnavailable`)
    """A file of a reader is not on this machine and cannot be fetched."""


@dataclass(frozen=True)
class FoundReader(Mapping[str, Path]):
    """A reader whose files are all here: a mapping from the names on its card to paths.

    Attributes:
        card: Its card.
        files: The files found, in the order of the card.
    """

    card: ReaderCard
    files: tuple[ResolvedFile, ...]

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file, by name: what a record tells of the reader."""
        return {file.entry.name: file.sha256 for file in self.files}

    @property
    def digest(self) -> str:
        """One hash of all that decides what it reads: its files and the version of its code."""
        return sha256_json([self.card.id, self.card.version, self.sha256])

    def __getitem__(self, name: str) -> Path:
        return {file.entry.name: file.path for file in self.files}[name]

    def __iter__(self) -> Iterator[str]:
        return (file.entry.name for file in self.files)

    def __len__(self) -> int:
        return len(self.files)


def find_reader(reader: str | ReaderCard, *, fetch: bool = True) -> FoundReader:
    """Find the files of a reader without reading them; open ones are fetched when absent.

    Each is looked for in `CXRBENCH_READERS/<reader>` (a folder of the user's), then in the folder
    `readers/<reader>` of the cache of cxrbench, then where it was fetched to before, such as the
    cache of the hub; under its own name, or with the ending `.safetensors` where it was converted.

    Args:
        reader: Id or card.
        fetch: Whether to download what is open.

    Raises:
        ReaderUnavailable: When files are not here and cannot be fetched; names all of them.
        WeightsError: When the SHA-256 of one is not that of the card.
    """
    card = reader if isinstance(reader, ReaderCard) else reader_card(reader)
    paths = {file.name: locate_file(card, file) for file in card.files}
    for entry in card.files:
        if fetch and paths[entry.name] is None:
            paths[entry.name] = _fetched(card, entry)
    missing = [entry for entry in card.files if paths[entry.name] is None]
    if missing:
        raise _unavailable(card, missing, fetch)
    found = ((entry, paths[entry.name]) for entry in card.files)
    return FoundReader(card, tuple(_verified(card, e, path) for e, path in found if path))


def reader_folders(card: ReaderCard) -> list[Path]:
    """The folders in which its files are looked for, the one to prefer first."""
    given = os.environ.get("CXRBENCH_READERS")
    own = [Path(given).expanduser() / card.id] if given else []
    return [*own, cache_dir() / "readers" / card.id]


def locate_file(card: ReaderCard, entry: WeightsFile) -> Path | None:
    """The file if it is on this machine already; nothing is downloaded."""
    placed = (folder / name for folder in reader_folders(card) for name in file_names(entry))
    return next((path for path in placed if path.is_file()), None) or locate(entry)


def _verified(card: ReaderCard, entry: WeightsFile, path: Path) -> ResolvedFile:
    digest = sha256_file(path)
    if entry.sha256 and digest != entry.sha256:
        raise WeightsError(
            f"{path.name} is not the declared file of {card.id}",
            why=f"its sha256 is {digest[:12]}…, the card says {entry.sha256[:12]}…",
            fix="delete it and get the file again: with others, numbers do not compare",
        )
    return ResolvedFile(entry, path, digest)


def _is_open(entry: WeightsFile) -> bool:
    return entry.access == "open" and entry.source in ("hf", "url")


def _fetched(card: ReaderCard, entry: WeightsFile) -> Path | None:
    if not _is_open(entry) or (card.id, entry.name) in _failed:
        return None
    try:
        return fetch_file(entry)
    except CxrbenchError as error:
        _failed[card.id, entry.name] = error.why
        return None


def _unavailable(
    card: ReaderCard, missing: Sequence[WeightsFile], fetch: bool
) -> ReaderUnavailable:
    named = " and ".join(
        f"{entry.file} of {entry.repo or 'its authors'}"
        + ("" if _is_open(entry) else f" (access to it is {entry.access})")
        for entry in missing
    )
    failed = next((_failed.get((card.id, entry.name)) for entry in missing), None)
    tried = f"; fetching failed: {failed}" if fetch and failed else ""
    get = f"run `cxrbench weights fetch {card.id}` with a network, or "
    is_open = all(map(_is_open, missing))
    return ReaderUnavailable(
        f"{card.title} is not on this machine",
        why=f"not found: {named}{tried}",
        fix=f"{get if is_open else ''}place what is missing in $CXRBENCH_READERS/{card.id}",
        name=card.id,
        fetchable=is_open and not tried,
    )
