"""Which encoders can compare an image with a text, and how; known from the card alone."""

from __future__ import annotations

from typing import Literal

from cxrbench.cards import ModelCard

Way = Literal["joint", "pairs"]
"""`joint`: the cosine of two vectors in one space; `pairs`: a score of image and text together."""


def way_to_compare(model: ModelCard) -> Way | None:
    """How the model compares an image with a text; None where it cannot."""
    if "image" not in model.capabilities:
        return None
    if {"text", "joint"} <= set(model.capabilities):
        return "joint"
    return "pairs" if "pairwise" in model.capabilities else None


def why_not_comparable(model: ModelCard) -> str:
    """What a model lacks that compares no images with texts."""
    if "image" not in model.capabilities:
        return "the model encodes no images"
    if "closed-vocabulary" in model.capabilities:
        return "the model knows a closed list of findings and reads no other text"
    if "text" in model.capabilities:
        return "the model's images and texts share no space"
    return "the model has no text encoder"
