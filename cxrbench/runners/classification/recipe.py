"""The classification section of a protocol."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cxrbench.image_spec import ImageSpec


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Select(_Section):
    """How the reported model is chosen among epochs or hyper-parameters."""

    split: Literal["val", "test"] = Field(description="`test` reproduces codes that select on it.")
    metric: str
    plus: str | None = Field(default=None, description="A second metric, added to the first.")
    decimals: int | None = Field(default=None, description="Each is rounded before adding.")

    @property
    def name(self) -> str:
        """What is monitored, as the record says it."""
        return self.metric if self.plus is None else f"{self.metric} + {self.plus}"


class Optimizer(_Section):
    """The optimiser and its rates."""

    name: Literal["adamw", "adam", "sgd"]
    lr: float = Field(gt=0, description="Of the encoder.")
    weight_decay: float = 0.0
    head_lr_multiplier: float = 1.0
    momentum: float = Field(default=0.9, description="Of SGD.")


class Schedule(_Section):
    """The learning-rate schedule."""

    name: Literal["plateau", "unclamped-cosine", "constant"]
    factor: float = Field(default=0.1, description="plateau: what the rate is multiplied with.")
    patience: int = Field(default=5, description="plateau: epochs without improvement.")
    warmup_steps: int = Field(default=0, description="unclamped-cosine: linear warm-up.")
    total_steps: int = Field(default=1, description="unclamped-cosine: end of the decay.")


class Loss(_Section):
    """The training loss."""

    name: Literal["bce", "focal"]
    gamma: float = 0.0
    class_weights: Literal["effective-number"] | None = None
    beta: float = 0.9999


class ClassificationRecipe(_Section):
    """A classification recipe, with the settings of the task and the model merged in."""

    mode: Literal["finetune", "linear-probe"]
    preprocessing: Literal["native"] | ImageSpec = Field(
        description="`native`: the encoder's own; else one for every model."
    )
    preprocessing_mode: str | None = Field(
        default=None, description="Its name, where it was asked for in place of the protocol's."
    )
    context: bool = Field(description="Whether encoders that can are told the clinical context.")
    select: Select
    metrics: list[str]
    c_grid: list[float] = Field(default_factory=list, description="linear-probe: C to try.")
    encoder_config: dict[str, Any] = Field(
        default_factory=dict, description="Architecture settings in place of the card's."
    )
    batch_size: int = 32
    accumulate: int = 1
    epochs: int = 1
    drop_last: bool = False
    first_validation: int = 1
    validate_every: int = 1
    early_stop: int | None = Field(default=None, description="Validations without improvement.")
    clip_grad_norm: float | None = None
    source_size: int | None = Field(default=None, description="Squashed to before augmenting.")
    augment: Literal["random-resized-crop-flip"] | None = None
    optimizer: Optimizer | None = None
    schedule: Schedule = Schedule(name="constant")
    loss: Loss = Loss(name="bce")
    head_norm: bool = Field(default=False, description="LayerNorm (eps 1e-6) before the head.")
    head_init_std: float | None = Field(
        default=None, description="Truncated normal of the head's weights; None: torch's default."
    )

    @model_validator(mode="after")
    def _complete(self) -> ClassificationRecipe:
        if self.mode == "linear-probe" and not self.c_grid:
            raise ValueError("a linear probe needs c_grid")
        if self.mode == "finetune" and self.optimizer is None:
            raise ValueError("fine-tuning needs an optimizer")
        if self.mode == "finetune" and self.epochs < max(
            self.first_validation, self.validate_every
        ):
            raise ValueError("no epoch would be validated")
        if self.augment and self.source_size is None:
            raise ValueError("augmentation needs source_size")
        return self

    def image_spec(self, native: ImageSpec) -> ImageSpec:
        """The preprocessing in force for an encoder whose own is `native`."""
        return native if self.preprocessing == "native" else self.preprocessing

    def source_spec(self, native: ImageSpec) -> ImageSpec:
        """The geometry images are kept at, before augmentation."""
        spec = self.image_spec(native)
        if self.source_size is None:
            return spec
        side = (self.source_size, self.source_size)
        return spec.model_copy(update={"size": side, "resize": "squash"})


def fields_of(recipe: ClassificationRecipe) -> dict[str, Any]:
    """The recipe as plain JSON, for the run spec."""
    return recipe.model_dump(mode="json", exclude_defaults=True)
