"""The protocol card: a frozen, versioned recipe that makes numbers comparable."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field

from cxrbench.cards.base import Card, merge
from cxrbench.cards.task import TaskCard


class ProtocolCard(Card):
    """A named way of training, selecting and scoring.

    `recipes` holds one section a task type; the runner of that type validates what `recipe` makes
    of it. Two parts of a section are conditions: `one_label` holds what is otherwise where a task
    has one label, and `per_model` what is otherwise for models, by name or glob.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+@[0-9]+$")
    title: str
    summary: str
    quirks: dict[str, str] = Field(
        default_factory=dict, description="Deliberate oddities kept from a released code."
    )
    recipes: dict[str, dict[str, Any]]

    def recipe(self, task: TaskCard, model: str) -> dict[str, Any]:
        """The section for a task, with what the task and then the model set on top."""
        fields = dict(self.recipes[task.type])
        one_label = fields.pop("one_label", {})
        if len(task.labels) == 1:
            fields = merge(fields, one_label)
        fields = merge(fields, task.protocols[self.id])
        for name, own in fields.pop("per_model", {}).items():
            if fnmatchcase(model, name):
                fields = merge(fields, own)
        return fields
