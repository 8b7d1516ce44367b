"""The classification section of a protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cxrbench.image_spec import ImageSpec
from cxrbench.runners.recipe import Optimizer, Recipe, Schedule, Section, Select


class Loss(Section):
    """The training loss."""

    name: Literal["bce", "focal"]
    gamma: float = 0.0
    class_weights: Literal["effective-number"] | None = None
    beta: float = 0.9999


class ClassificationRecipe(Recipe):
    """A classification recipe, with the settings of the task and the model merged in."""

    mode: Literal["finetune", "linear-probe"]
    select: Select
    c_grid: list[float] = Field(default_factory=list, description="linear-probe: C to try.")
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

    def source_spec(self, native: ImageSpec) -> ImageSpec:
        """The geometry images are kept at, before augmentation."""
        spec = self.image_spec(native)
        if self.source_size is None:
            return spec
        side = (self.source_size, self.source_size)
        return spec.model_copy(update={"size": side, "resize": "squash"})
