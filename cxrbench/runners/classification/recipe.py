"""The classification section of a protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cxrbench.errors import PluginError
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.recipe import Optimizer, Recipe, Schedule, Section, Select


class Loss(Section):
    """The training loss."""

    name: Literal["bce", "focal", "cross-entropy"] = Field(
        description="`cross-entropy` is the softmax one, of two logits."
    )
    gamma: float = Field(default=0.0, description="Of focal.")
    class_weights: Literal["effective-number"] | None = Field(
        default=None, description="Of each label; where there is one label, of its two classes."
    )
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
    source_size: int | None = Field(
        default=None, description="Side of the images that are augmented, made with Lanczos."
    )
    augment: Literal["random-resized-crop-flip"] | None = None
    optimizer: Optimizer | None = None
    schedule: Schedule = Schedule(name="constant")
    loss: Loss = Loss(name="bce")
    binary_head: Literal["one-logit", "two-logits"] = Field(
        default="one-logit", description="Of tasks with one label; others have a logit a label."
    )
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
        if self.loss.name == "cross-entropy" and self.binary_head != "two-logits":
            raise ValueError("cross-entropy needs the binary head two-logits")
        if self.loss.name == "cross-entropy" and self.loss.class_weights is not None:
            raise ValueError("cross-entropy takes no class_weights")
        return self

    def two_logits(self, labels: int) -> bool:
        """Whether the head has a logit for absent too, on a task of so many labels.

        Raises:
            PluginError: When the loss is one of two classes and there are more labels.
        """
        if labels > 1 and self.loss.name == "cross-entropy":
            raise PluginError(
                "the softmax cross-entropy is not defined for several labels",
                why=f"the task has {labels} labels, which do not exclude each other",
                fix="put the loss below `one_label` of the protocol, and bce above it",
            )
        return labels == 1 and self.binary_head == "two-logits"

    def source_spec(self, native: ImageSpec) -> ImageSpec:
        """What images are kept as before they are augmented; resized as the encoder's input is."""
        spec = self.image_spec(native)
        if self.source_size is None:
            return spec
        side = (self.source_size, self.source_size)
        return spec.model_copy(update={"size": side, "interpolation": "lanczos"})
