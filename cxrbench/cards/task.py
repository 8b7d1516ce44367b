"""The task card: labels and splits of a data set, the protocols allowed, and how it is scored."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from cxrbench.cards.base import Card
from cxrbench.cards.dataset import DatasetCard, SplitCard
from cxrbench.cards.model import ModelCard

SplitName = Literal["train", "val", "test"]


class TaskCard(Card):
    """One benchmark task."""

    id: str
    type: str = Field(description="Name of the runner.")
    title: str
    version: int = 1
    dataset: DatasetCard
    labels: list[str] = Field(
        default_factory=list,
        validate_default=True,
        description="In the order of the scores; those of the data set where none are given.",
    )
    uses: list[SplitName] = Field(
        default_factory=lambda: list(get_args(SplitName)),
        description="The splits it looks at; a task that trains nothing needs `test` alone.",
    )
    lists: dict[SplitName, str] = Field(
        default_factory=dict,
        validate_default=True,
        description="Which list of the data set each split is, where it has not its name.",
    )
    phantom_settings: dict[str, Any] = Field(
        default_factory=dict,
        description="Settings of the phantom in place of those of the data set, such as its form.",
    )
    protocols: dict[str, dict[str, Any]] = Field(
        description="Allowed protocols and what each sets for this task."
    )
    default_protocol: str = "strict@1"
    main_metric: str
    main_metrics: dict[str, str] = Field(
        default_factory=dict, description="By protocol, where it is another one."
    )

    @field_validator("labels")
    @classmethod
    def _known_labels(cls, labels: list[str], info: ValidationInfo) -> list[str]:
        known: list[str] = info.data["dataset"].labels if "dataset" in info.data else labels
        unknown = [label for label in labels if label not in known]
        if unknown:
            raise ValueError(f"{unknown[0]} is no label of the data set")
        return labels or known

    @field_validator("lists")
    @classmethod
    def _known_lists(
        cls, lists: dict[SplitName, str], info: ValidationInfo
    ) -> dict[SplitName, str]:
        known = info.data["dataset"].splits if "dataset" in info.data else dict(lists)
        unknown = [name for name in lists.values() if name not in known]
        if unknown:
            raise ValueError(f"the data set has no list {unknown[0]}")
        named = {split: lists.get(split, split) for split in info.data["uses"]}
        return {split: name for split, name in named.items() if name in known}

    @field_validator("phantom_settings")
    @classmethod
    def _known_form(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        form = settings.get("form")
        known = info.data["dataset"].phantom_forms if "dataset" in info.data else [form]
        if form is not None and form not in known:
            raise ValueError(f"the data set has no phantom of the form {form}")
        return settings

    @property
    def splits(self) -> dict[SplitName, SplitCard]:
        """The card of the list that each split is."""
        return {split: self.dataset.splits[name] for split, name in self.lists.items()}

    def main_metric_of(self, protocol: str) -> str:
        """The main metric under a protocol, which may have changes behind a `+`."""
        return self.main_metrics.get(protocol.partition("+")[0], self.main_metric)

    @property
    def shareable(self) -> bool:
        """Whether ids of this data set may leave the machine."""
        return self.dataset.access != "credentialed"

    def overlaps_with(self, model: ModelCard) -> list[str]:
        """Data sets that share images with this task's and that the model was pretrained on."""
        own = {self.dataset.name, *self.dataset.overlaps}
        return sorted(own & {*model.pretraining_data, *model.overlaps})
