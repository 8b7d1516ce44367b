"""The architecture of a CoGaze encoder, read from `config` of its card."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from cxrbench.cards import ModelCard
from cxrbench.errors import PluginError
from cxrbench.image_spec import ImageSpec

from ..parts.settings import Settings, settings_of
from ..parts.side_input import UNKNOWN_VIEW

_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"text_pool": "masked", "context_mask": True},
    "released": {"text_pool": "legacy", "context_mask": False},
}


class VisionSettings(Settings):
    """The frozen Rad-DINO trunk, a DINOv2 vision transformer."""

    image_size: int = Field(default=518, description="Side of the square input, in pixels.")
    patch_size: int = 14
    layers: int = 12
    heads: int = 12
    freeze_trunk: bool = True
    position_std: float | None = Field(
        default=None,
        gt=0,
        description="Deviation of fresh position embeddings; None: DINOv2's 0.02. A small trunk "
        "that is trained from nothing learns sooner where things are when it is near 1.",
    )

    @property
    def grid_side(self) -> int:
        """Patches along one side of the image."""
        return self.image_size // self.patch_size


class TextSettings(Settings):
    """The text encoder, six layers of CXR-BERT with the vocabulary of DistilGPT2."""

    vocab_size: int = Field(default=50265, description="Tokens, the nine special ones last.")
    layers: int = 6
    heads: int = 12
    intermediate: int = 3072
    positions: int = 512
    max_tokens: int = Field(default=300, description="Longer texts are cut on the right.")
    dropout: float = 0.25


class PerceiverSettings(Settings):
    """The Perceiver that context and image share; its heads are 8 of 64 channels."""

    depth: int = 3
    latents: int = 128


class CoGazeSettings(Settings):
    """Everything that fixes the architecture and how padding is treated.

    Attributes:
        preset: `paper`: padding never reaches a result, so that an output does not depend on what
            else is in the batch. `released`: what the released code computes, where it does. A
            preset only fills in the two switches below that are not given.
        text_pool: Mean of a text's tokens: `masked` over its own, `legacy` over the padding too.
        context_mask: Whether the Perceiver ignores the padding of the contexts.
        latents: `shared`: context and image latents are one set, each plus a vector of its own, as
            in the released code and weights; `separate`: two sets, as the paper words it. No
            preset sets it, because weights fit one of them only.
        views: Rows of the view table, in order.
        view_std: Deviation of a fresh view table; 1 as in the released code.
    """

    dim: int = 768
    projector_dim: int = 1536
    vision: VisionSettings = VisionSettings()
    text: TextSettings = TextSettings()
    perceiver: PerceiverSettings = PerceiverSettings()
    views: tuple[str, ...]
    view_std: float = Field(default=1.0, gt=0)
    preset: Literal["paper", "released"] = "paper"
    text_pool: Literal["masked", "legacy"]
    context_mask: bool
    latents: Literal["shared", "separate"] = "shared"

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**_PRESETS.get(data.get("preset", "paper"), {}), **data}

    @model_validator(mode="after")
    def _has_unknown_view(self) -> CoGazeSettings:
        if UNKNOWN_VIEW not in self.views:
            raise ValueError(f"`views` needs a row `{UNKNOWN_VIEW}` for images of unknown view")
        return self

    @classmethod
    def from_card(cls, card: ModelCard) -> CoGazeSettings:
        """The settings of a card.

        Raises:
            PluginError: When `config` of the card is not valid.
        """
        return settings_of(card, cls)

    def image_spec(self, card: ModelCard) -> ImageSpec:
        """The preprocessing of the card.

        Raises:
            PluginError: When it does not make images of the size the trunk was built for.
        """
        side = self.vision.image_size
        if card.preprocessing is None or card.preprocessing.size != (side, side):
            raise PluginError(
                f"cannot build {card.id}",
                why=f"its card does not preprocess images to the {side} pixels of its trunk",
                fix=f"set preprocessing.size to [{side}, {side}]",
            )
        return card.preprocessing
