"""The segmentation section of a protocol."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from cxrbench.metrics.masks import MaskInput
from cxrbench.runners.monitor import monitored
from cxrbench.runners.recipe import Optimizer, Recipe, Schedule, Section, Select


class Decoder(Section):
    """What turns features of an encoder into a mask."""

    name: Literal["unet", "latent-mixing", "upernet"] = Field(
        description="`unet`: over the grid, without skips; `latent-mixing`: the latents are spread "
        "over the patches; `upernet`: over maps of several scales."
    )
    channels: list[int] = Field(
        description="Of its rounds, the coarsest first; of upernet one width of all."
    )
    plain_channels: int | None = Field(
        default=None,
        description="upernet: the width where all maps have one number of channels, as a ViT's.",
    )
    stride: int = Field(
        default=1, ge=1, description="unet: pixels a side of what is decoded; the rest is scaled."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="upernet: before the last layer.")
    auxiliary_channels: int = Field(default=256, description="upernet: of the auxiliary head.")
    auxiliary_weight: float = Field(default=0.0, description="upernet: of its loss; 0: no head.")


class SegmentationRecipe(Recipe):
    """A segmentation recipe, with the settings of the task and the model merged in."""

    encoder: Literal["frozen", "finetune"]
    decoder: Decoder
    select: Select
    evaluate_at: Literal["original", "input"] = Field(
        default="original",
        description="Where predicted and true pixels are compared: on the radiograph as it is "
        "published, or on the encoder's input.",
    )
    boxes: Literal["as-drawn", "corners-as-size"] = Field(
        default="as-drawn",
        description="`corners-as-size`: the lower right corner of a box is taken for its size.",
    )
    ellipses: Literal["as-drawn", "as-boxes"] = Field(
        default="as-drawn", description="`as-boxes`: the box around an ellipse is filled."
    )
    loss: Literal["focal-batch-dice", "focal-image-dice", "cross-entropy"]
    batch_size: int = 16
    accumulate: int = 1
    epochs: int | None = None
    iterations: int | None = Field(default=None, description="Optimiser steps, in place of epochs.")
    validate_every: int = Field(default=1, description="Epochs, or optimiser steps.")
    early_stop: int | None = Field(default=None, description="Validations without improvement.")
    drop_last: bool = False
    flip: bool = Field(default=False, description="Half of the training images are mirrored.")
    clip_grad_norm: float | None = None
    optimizer: Optimizer
    schedule: Schedule = Schedule(name="constant")

    @model_validator(mode="after")
    def _complete(self) -> SegmentationRecipe:
        if (self.epochs is None) == (self.iterations is None):
            raise ValueError("give epochs or iterations")
        if (self.epochs or self.iterations or 0) < self.validate_every:
            raise ValueError("no epoch would be validated")
        if self.iterations is not None and self.iterations % self.validate_every:
            raise ValueError("iterations are no multiple of validate_every")
        if self.decoder.name == "upernet" and self.encoder == "finetune":
            raise ValueError("upernet reads maps of a frozen encoder alone")
        if self.encoder == "frozen" and self.one_at_a_time:
            raise ValueError("one_at_a_time does not go with a frozen encoder")
        # On made-up pixels: what cannot be monitored is known before hours of training.
        monitored(self.select, MaskInput(*np.ones((4, 1))))
        return self

    @property
    def rounds(self) -> int:
        """How often training pauses, if only to count: epochs, or stretches of iterations."""
        if self.iterations is not None:
            return self.iterations // self.validate_every
        return self.epochs or 1
