"""Sizes of R2Gen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RelationalSettings(BaseModel):
    """Sizes of encoder, decoder and relational memory; those of R2Gen on IU X-Ray unless given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocab_size: int = Field(default=761, gt=0, description="Words, and id 0.")
    dim: int = Field(default=512, gt=0, multiple_of=2, description="Of the memory's slots, too.")
    feed_forward: int = Field(default=512, gt=0)
    heads: int = Field(default=8, gt=0)
    layers: int = Field(default=3, gt=0, description="Of the encoder, and of the decoder.")
    slots: int = Field(default=3, gt=0, description="Of the relational memory.")
    slot_heads: int = Field(default=8, gt=0, description="Of the attention between them.")
    positions: int = Field(default=512, gt=0, description="Longest text, in tokens.")
    dropout: float = Field(default=0.1, ge=0, lt=1)
    visual_dropout: float = Field(
        default=0.5, ge=0, lt=1, description="Of the projected memory of the image."
    )
