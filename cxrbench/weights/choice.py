"""Which weights a run uses: the card's, a path of the user's, random ones, or none at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxrbench.cards import ModelCard, WeightsFile
from cxrbench.errors import BadRequest, CxrbenchError, MissingWeightsError, WeightsError
from cxrbench.hashing import sha256_file
from cxrbench.weights.locate import TENSOR_SUFFIXES as TENSOR_SUFFIXES
from cxrbench.weights.locate import fetch as fetch_file
from cxrbench.weights.locate import file_names, locate
from cxrbench.weights.locate import is_side_file as is_side_file


@dataclass(frozen=True)
class ResolvedFile:
    """One file of the card, found on this machine."""

    entry: WeightsFile
    path: Path
    sha256: str

    @property
    def holds_tensors(self) -> bool:
        """False for side files such as a tokenizer; the card says it, whatever the path is."""
        return not is_side_file(self.entry)


@dataclass(frozen=True)
class Weights:
    """What an encoder is filled with.

    Attributes:
        source: `card` (where the card says), `path` (given by the user), `random` (the run's seed
            decides), or `none` (the encoder has no weights to load).
        files: The files found, in the order of the card. Of random weights these are side files
            alone.
    """

    source: Literal["card", "path", "random", "none"]
    files: tuple[ResolvedFile, ...] = ()

    @property
    def digest(self) -> dict[str, str]:
        """What identifies the weights in a run id: SHA-256 by file, or the word for none."""
        named = {file.entry.name: file.sha256 for file in self.files}
        return named if self.loads else {"source": self.source, **named}

    @property
    def loads(self) -> bool:
        """Whether tensors are read from files, which then have to fill the encoder."""
        return bool(self.files) and self.source != "random"

    @property
    def trained(self) -> bool:
        """Whether a number from these weights says something about a published model."""
        return self.source != "random"


def resolve(
    card: ModelCard, request: str | None, *, fetch: bool = True, side_files: bool = True
) -> Weights:
    """Find the weights of `card` without reading them; open ones are fetched when absent.

    Args:
        card: The model card.
        request: None for the card's own weights, `random`, or a file or folder. Random weights
            come with those side files that are on this machine already, so that texts are read as
            with the card's own weights.
        fetch: Whether to download open weights.
        side_files: Whether files beside the weights, such as a tokenizer, are wanted; those that
            read no text do without.

    Raises:
        WeightsError: When a file is not on this machine or its hash is not the declared one.
        BadRequest: When weights are given for an encoder that has none.
    """
    if request == "random":
        return _random(card, side_files)
    if not card.weights:
        if request is not None:
            raise BadRequest(
                f"{card.id} takes no weights",
                why=f"its card declares none, and --weights {request} was given",
                fix="leave --weights out, or say --weights random",
            )
        return Weights("random" if "trainable" in card.capabilities else "none")
    given = Path(request).expanduser() if request is not None else None
    if given is not None and not given.exists():
        raise WeightsError(
            f"no weights at {given}",
            why="the path given with --weights does not exist",
            fix="correct the path, or say --weights random to try the encoder without weights",
        )
    wanted = (entry for entry in card.weights if side_files or not is_side_file(entry))
    files = tuple(_resolve_file(card, entry, given, fetch) for entry in wanted)
    return Weights("path" if given else "card", files)


def _random(card: ModelCard, side_files: bool) -> Weights:
    if "trainable" not in card.capabilities:
        return Weights("none")
    wanted = filter(is_side_file, card.weights) if side_files else ()
    side = (entry for entry in wanted if locate(entry) is not None)
    return Weights("random", tuple(_resolve_file(card, entry, None, False) for entry in side))


def _resolve_file(
    card: ModelCard, entry: WeightsFile, given: Path | None, fetch: bool
) -> ResolvedFile:
    path = _given_file(card, entry, given) or locate(entry) or _fetched(card, entry, fetch)
    digest = sha256_file(path)
    if entry.sha256 and given is None and digest != entry.sha256:
        raise WeightsError(
            f"the weights of {card.id} are not the declared ones",
            why=f"{path}: sha256 {digest[:12]}…, the card says {entry.sha256[:12]}…",
            fix="delete the file and fetch it again, or give --weights PATH to use it knowingly",
        )
    return ResolvedFile(entry, path, digest)


def _fetched(card: ModelCard, entry: WeightsFile, allowed: bool) -> Path:
    missing = f"{entry.file or entry.name} from {entry.source} {entry.repo} was not found"
    if entry.access != "open" or entry.source == "manual":
        raise MissingWeightsError(
            f"the weights of {card.id} are not on this machine",
            why=f"{missing}, and access to it is {entry.access}",
            fix=f"see `cxrbench weights fetch {card.id}`, or give --weights PATH or random",
            name=card.id,
        )
    if not allowed:
        raise MissingWeightsError(
            f"the weights of {card.id} are not on this machine",
            why=missing,
            fix=f"run `cxrbench weights fetch {card.id}`, or give --weights PATH or random",
            name=card.id,
            fetchable=True,
        )
    try:
        return fetch_file(entry)
    except CxrbenchError as error:
        raise MissingWeightsError(
            f"the weights of {card.id} are not on this machine",
            why=f"{missing}, and fetching failed: {error.why}",
            fix=f"run `cxrbench weights fetch {card.id}` with a network, or give --weights PATH "
            "or random",
            name=card.id,
        ) from error


def _given_file(card: ModelCard, entry: WeightsFile, given: Path | None) -> Path | None:
    """The user's file for `entry`: a file stands for the card's first, a folder for all by name."""
    if given is None:
        return None
    if given.is_file():
        return given if entry is card.weights[0] else None
    folders = [given, given / entry.repo] if entry.repo else [given]
    candidates = [folder / name for folder in folders for name in file_names(entry)]
    return next((path for path in candidates if path.is_file()), None)
