"""The parts that recipes of all task types share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrbench.errors import PluginError
from cxrbench.image_spec import ImageSpec

R = TypeVar("R", bound="Recipe")


class Section(BaseModel):
    """Base of recipes and their parts: immutable, an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Select(Section):
    """How the reported model is chosen among epochs or hyper-parameters."""

    split: Literal["val", "test"] = Field(description="`test` reproduces codes that select on it.")
    metric: str
    plus: str | list[str] | None = Field(
        default=None, description="A second metric, or several, added to the first."
    )
    decimals: int | None = Field(default=None, description="Each is rounded before adding.")

    @property
    def metrics(self) -> list[str]:
        """The metrics that are added up."""
        others = [self.plus] if isinstance(self.plus, str) else self.plus or []
        return [self.metric, *others]

    @property
    def name(self) -> str:
        """What is monitored, as the record says it."""
        return " + ".join(self.metrics)


class Optimizer(Section):
    """The optimiser and its rates."""

    name: Literal["adamw", "adam", "sgd"]
    lr: float = Field(gt=0, description="Of the encoder.")
    weight_decay: float = 0.0
    head_lr_multiplier: float = 1.0
    lr_multipliers: dict[str, float] = Field(
        default_factory=dict,
        description="By pattern of parameter names, of which the first that fits counts, in place "
        "of what encoder and head have.",
    )
    amsgrad: bool = Field(default=False, description="Of Adam.")
    momentum: float = Field(default=0.9, description="Of SGD.")


class Schedule(Section):
    """The learning-rate schedule."""

    name: Literal["plateau", "cosine", "unclamped-cosine", "warmup-linear", "constant"]
    factor: float = Field(default=0.1, description="plateau: what the rate is multiplied with.")
    patience: int = Field(default=5, description="plateau: epochs without improvement.")
    least: float = Field(default=0.0, ge=0, description="plateau: no rate gets lower.")
    warmup_steps: int = Field(default=0, description="Steps of linear warm-up; not of plateau.")
    total_steps: int = Field(default=1, description="Step at which the decay ends.")


class Recipe(Section):
    """What every recipe says of the encoder's input and of its scores."""

    preprocessing: Literal["native"] | ImageSpec = Field(
        description="`native`: the encoder's own; else one for every model."
    )
    preprocessing_mode: str | None = Field(
        default=None, description="Its name, where it was asked for in place of the protocol's."
    )
    lookup: Literal["id", "index"] = Field(
        default="id",
        description="How a line of a list finds its image: by its whole id, or, as a code that is "
        "reproduced does, by the index in it.",
    )
    context: bool = Field(description="Whether encoders that can are told the clinical context.")
    encoder_config: dict[str, Any] = Field(
        default_factory=dict, description="Architecture settings in place of the card's."
    )
    one_at_a_time: bool = Field(
        default=False,
        description="Whether images are encoded one at a time outside training: this way of "
        "pooling depends on the batch.",
    )
    metrics: list[str]

    @classmethod
    def read(cls: type[R], fields: Mapping[str, Any]) -> R:
        """Validate the merged fields of protocol, task and model.

        Raises:
            PluginError: When they are no such recipe.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "recipe"
            kind = cls.__name__.removesuffix("Recipe").lower()
            raise PluginError(
                f"the {kind} recipe is not valid",
                why=f"{where}: {first['msg']}",
                fix="correct the protocol, or what the task card sets for it",
            ) from error

    @property
    def fields(self) -> dict[str, Any]:
        """The recipe as plain JSON, for the run spec."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def image_spec(self, native: ImageSpec) -> ImageSpec:
        """The preprocessing in force for an encoder whose own is `native`."""
        return native if self.preprocessing == "native" else self.preprocessing
