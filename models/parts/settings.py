"""The part of a card's `config` that an encoder reads, checked."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cxrbench.cards import ModelCard
from cxrbench.errors import PluginError


class Settings(BaseModel):
    """Base of all settings: fixed, and nothing unknown in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Settings)


def settings_of(card: ModelCard, kind: type[S]) -> S:
    """The `config` of a card as settings.

    Raises:
        PluginError: When it is not valid.
    """
    try:
        return kind.model_validate(card.config)
    except ValidationError as error:
        first = error.errors()[0]
        raise PluginError(
            f"cannot build {card.id}",
            why=f"config.{'.'.join(map(str, first['loc']))} of its card: {first['msg']}",
            fix="correct the card",
        ) from error
