"""What maps the tokens of the two towers into the shared width."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Division by the root mean square of the channels, with a learned weight.

    Differs from `torch.nn.RMSNorm`: the 1e-8 is added to the root, not under it.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """…×D to …×D."""
        root = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
        out: Tensor = x / (root + 1e-8) * self.weight
        return out


class ViewEmbedding(nn.Module):
    """Adds a learned vector of the view to every token, then normalises."""

    def __init__(self, views: int, dim: int, std: float = 1.0) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(std * torch.randn(views, 1, dim))
        self.pos_norm = RMSNorm(dim)

    def forward(self, tokens: Tensor, view: Tensor) -> Tensor:
        """B×N×D tokens and B rows of the view table to B×N×D."""
        out: Tensor = self.pos_norm(tokens + self.pos_embed[view])
        return out


def _perceptron(dim: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class ImageProjector(nn.Module):
    """View embedding, RMS norm and a two-layer perceptron on every token of the trunk."""

    def __init__(self, views: int, dim: int, hidden: int, view_std: float = 1.0) -> None:
        super().__init__()
        self.add_pos_embed = ViewEmbedding(views, dim, view_std)
        self.projector = _perceptron(dim, hidden)

    def forward(self, tokens: Tensor, view: Tensor) -> Tensor:
        """B×N×D tokens and B rows of the view table to B×N×D."""
        out: Tensor = self.projector(self.add_pos_embed(tokens, view))
        return out


class TextProjector(nn.Module):
    """A two-layer perceptron on every token of the text encoder."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.layers = _perceptron(dim, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        """B×N×D to B×N×D."""
        out: Tensor = self.layers(tokens)
        return out
