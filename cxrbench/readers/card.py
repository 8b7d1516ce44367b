"""The card of a reader: its files and how its network is built."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field

from cxrbench.cards import Paper, WeightsFile, read_yaml
from cxrbench.cards.base import Card
from cxrbench.errors import UnknownNameError
from cxrbench.names import did_you_mean

_FOLDER = Path(__file__).parent / "cards"


class ReaderCard(Card):
    """One model that reads reports, declared in YAML.

    Its files are declared as those of encoders are: source, repository, revision, SHA-256, licence,
    access, and how tensors map onto the network.
    """

    id: str
    title: str
    paper: Paper | None = None
    code_url: str = ""
    version: int = Field(default=1, description="Raised when the code changes what it reads.")
    files: list[WeightsFile] = Field(min_length=1, description="By `name`, unique on the card.")
    config: dict[str, Any] = Field(
        default_factory=dict,
        description="Architecture settings, where no file of it tells them.",
    )
    quirks: list[str] = Field(default_factory=list)
    min_match: float = Field(default=1.0, description="Every tensor has to be filled.")
    optional_tensors: list[str] = Field(default_factory=list)


def reader_ids() -> list[str]:
    """The ids of all readers, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@lru_cache
def reader_card(reader_id: str) -> ReaderCard:
    """The card of that id.

    Raises:
        UnknownNameError: When there is none; close ids are suggested.
    """
    known = reader_ids()
    if reader_id not in known:
        raise UnknownNameError(
            f"unknown reader {reader_id!r}",
            why=f"readers are {', '.join(known)}",
            fix=did_you_mean(reader_id, known, "docs/report-metrics.md"),
        )
    return ReaderCard.model_validate(read_yaml(_FOLDER / f"{reader_id}.yaml"))
