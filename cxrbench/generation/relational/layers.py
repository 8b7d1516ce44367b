"""Layers of R2Gen: normalisations, one of which the relational memory adjusts, and attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-6


class Norm(nn.Module):
    """γ (x - μ) / (σ + ε) + β with the sample standard deviation σ, as the released model has it.

    `torch.nn.LayerNorm` divides by the root of the variance plus ε instead.

    Args:
        dim: Size of the last axis.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, hidden: Tensor) -> Tensor:
        """…×C to the same shape."""
        return self.weight * standardised(hidden) + self.bias


class ConditionalNorm(nn.Module):
    """Memory-driven conditional layer normalisation of the paper: the memory adds to γ and β.

    Args:
        dim: Size of the last axis.
        slots_dim: Of all slots of the memory together.
    """

    def __init__(self, dim: int, slots_dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))
        self.scale, self.shift = _two_layers(slots_dim, dim), _two_layers(slots_dim, dim)

    def forward(self, hidden: Tensor, slots: Tensor) -> Tensor:
        """…×C hidden states and the memory at each, …×(S·C), to …×C."""
        scale, shift = self.weight + self.scale(slots), self.bias + self.shift(slots)
        out: Tensor = scale * standardised(hidden) + shift
        return out


class Attention(nn.Module):
    """Attention in several heads.

    Args:
        dim: C of all that goes in and out.
        heads: H.
        dropout: Of the weights of what is attended to.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads, self._dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))

    def read(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """B×T×C to keys and values, each B×H×T×C/H."""
        return self._split(self.key(states)), self._split(self.value(states))

    def forward(
        self, hidden: Tensor, keys: Tensor, values: Tensor, seen: Tensor | None = None
    ) -> Tensor:
        """B×N×C that look at keys and values; `seen`, …×N×T booleans, says at which."""
        found = F.scaled_dot_product_attention(
            self._split(self.query(hidden)),
            keys,
            values,
            attn_mask=seen,
            dropout_p=self._dropout if self.training else 0.0,
        )
        out: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return out

    def _split(self, states: Tensor) -> Tensor:
        size, length, dim = states.shape
        return states.reshape(size, length, self._heads, dim // self._heads).transpose(1, 2)


def feed_forward(dim: int, inner: int, dropout: float) -> nn.Sequential:
    """Two layers at every position by itself."""
    return nn.Sequential(
        nn.Linear(dim, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, dim)
    )


def standardised(hidden: Tensor) -> Tensor:
    """Mean 0 and sample standard deviation 1 along the last axis."""
    deviation = hidden - hidden.mean(-1, keepdim=True)
    return deviation / (hidden.std(-1, keepdim=True) + _EPSILON)


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs))
