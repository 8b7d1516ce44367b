"""From a card and weights to an encoder that is ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageEncoder
from cxrbench.registry import load_entry
from cxrbench.weights.choice import Weights
from cxrbench.weights.load import fill, match
from cxrbench.weights.report import LoadReport


@dataclass(frozen=True)
class Parameters:
    """Parameter counts of an encoder."""

    total: int
    trainable: int


def build(card: ModelCard, weights: Weights, seed: int) -> tuple[ImageEncoder, LoadReport]:
    """Build an encoder in eval mode and fill it.

    Args:
        card: The model card.
        weights: What to fill it with.
        seed: Decides the values of whatever is not loaded: all of it with random weights.

    Raises:
        PluginError: When the entry cannot be imported.
        WeightsError: When the weights do not fit completely.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = cast(ImageEncoder, load_entry(card.entry)(card))
    report = fill(encoder, card, weights)
    if isinstance(encoder, nn.Module):
        encoder.eval()
    return encoder, report


def verify(card: ModelCard, weights: Weights) -> None:
    """Check that an encoder can be built and filled, without allocating it.

    Raises:
        PluginError: When the entry cannot be imported.
        WeightsError: When the weights do not fit completely.
    """
    outline = _outline(card)
    if weights.loads and isinstance(outline, nn.Module):
        match(outline.state_dict(), card, weights.files)


def count_parameters(card: ModelCard) -> Parameters | None:
    """Counts without allocating the encoder; None for encoders that are no torch module."""
    encoder = _outline(card)
    if not isinstance(encoder, nn.Module):
        return None
    parameters = list(encoder.parameters())
    return Parameters(
        total=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
    )


def _outline(card: ModelCard) -> object:
    """The encoder with shapes and no values."""
    with torch.device("meta"):
        return cast(object, load_entry(card.entry)(card))
