"""The protocol card: a frozen, versioned recipe that makes numbers comparable."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cxrbench.cards.base import Card


class ProtocolCard(Card):
    """A named way of training, selecting and scoring.

    `recipes` holds one section a task type; the runner of that type validates it.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+@[0-9]+$")
    title: str
    summary: str
    quirks: dict[str, str] = Field(
        default_factory=dict, description="Deliberate oddities kept from a released code."
    )
    recipes: dict[str, dict[str, Any]]
