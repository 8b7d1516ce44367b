"""The Perceiver of CoGaze: latents that read a sequence, then talk among themselves.

Submodules are numbered, not named, because those numbers are the keys of the released checkpoint.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

HEADS = 8
HEAD_DIM = 64
EXPANSION = 4


class Attention(nn.Module):
    """Multi-head attention from a sequence of queries to a sequence of data."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim)

    def forward(self, queries: Tensor, data: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            queries: B×M×D.
            data: B×N×D.
            mask: B×N booleans, True where the data may be looked at; None: everywhere.

        Returns:
            B×M×D.
        """
        key, value = self.to_kv(data).chunk(2, dim=-1)
        q, k, v = (
            x.unflatten(-1, (HEADS, HEAD_DIM)).transpose(1, 2)
            for x in (self.to_q(queries), key, value)
        )
        allowed = None if mask is None else mask[:, None, None, :]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        out: Tensor = self.to_out(attended.transpose(1, 2).flatten(2))
        return out

    def weights(self, queries: Tensor, data: Tensor) -> Tensor:
        """What `forward` weighs the data by, B×heads×M×N; each row sums to one.

        For looking at: the fused kernel of `forward` never forms it.
        """
        key, _ = self.to_kv(data).chunk(2, dim=-1)
        q, k = (
            x.unflatten(-1, (HEADS, HEAD_DIM)).transpose(1, 2) for x in (self.to_q(queries), key)
        )
        out: Tensor = (q @ k.mT / math.sqrt(HEAD_DIM)).softmax(dim=-1)
        return out


class PreNormAttention(nn.Module):
    """Attention of layer-normed latents: to layer-normed data, or to themselves."""

    def __init__(self, dim: int, *, cross: bool) -> None:
        super().__init__()
        self.fn = Attention(dim)
        self.norm = nn.LayerNorm(dim)
        self.norm_context = nn.LayerNorm(dim) if cross else None

    def forward(
        self, latents: Tensor, data: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """B×M×D latents to the B×M×D update of their residual stream."""
        queries = self.norm(latents)
        if self.norm_context is not None:
            data = self.norm_context(data)
        out: Tensor = self.fn(queries, queries if data is None else data, mask)
        return out

    def weights(self, latents: Tensor, data: Tensor) -> Tensor:
        """The attention of B×M×D latents to B×N×D data, B×heads×M×N."""
        if self.norm_context is not None:
            data = self.norm_context(data)
        return self.fn.weights(self.norm(latents), data)


class GEGLU(nn.Module):
    """Gated GELU: the first half of the channels times the GELU of the second."""

    def forward(self, x: Tensor) -> Tensor:
        """…×2C to …×C."""
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """A gated two-layer perceptron."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = EXPANSION * dim
        self.net = nn.Sequential(nn.Linear(dim, 2 * hidden), GEGLU(), nn.Linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """…×D to …×D."""
        out: Tensor = self.net(x)
        return out


class PreNormFeedForward(nn.Module):
    """A feed-forward network on layer-normed latents."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fn = FeedForward(dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, latents: Tensor) -> Tensor:
        """B×M×D latents to the B×M×D update of their residual stream."""
        out: Tensor = self.fn(self.norm(latents))
        return out


class SelfBlock(nn.ModuleList):
    """Self-attention of the latents, then a feed-forward network, both residual."""

    def __init__(self, dim: int) -> None:
        super().__init__([PreNormAttention(dim, cross=False), PreNormFeedForward(dim)])

    def forward(self, latents: Tensor) -> Tensor:
        """B×M×D to B×M×D."""
        attended: Tensor = latents + self[0](latents)
        out: Tensor = attended + self[1](attended)
        return out


class PerceiverBlock(nn.ModuleList):
    """Cross-attention to the data, a feed-forward network, then one `SelfBlock`."""

    def __init__(self, dim: int) -> None:
        super().__init__(
            [
                PreNormAttention(dim, cross=True),
                PreNormFeedForward(dim),
                nn.Sequential(SelfBlock(dim)),
            ]
        )

    def forward(self, latents: Tensor, data: Tensor, mask: Tensor | None) -> Tensor:
        """B×M×D latents that have read B×N×D data."""
        latents = latents + self[0](latents, data, mask)
        latents = latents + self[1](latents)
        out: Tensor = self[2](latents)
        return out


class Perceiver(nn.Module):
    """A stack of blocks without shared weights, positional encoding or final norm.

    Attributes:
        latents: M×D, saved in the released checkpoint and never used: the latents come from
            outside.
        recompute: Whether the activations of a block are computed again on the way back instead
            of being kept.
    """

    def __init__(self, dim: int, depth: int, latents: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, dim))
        self.layers = nn.ModuleList(PerceiverBlock(dim) for _ in range(depth))
        self.recompute = False

    def forward(self, latents: Tensor, data: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the latents read the data.

        Args:
            latents: B×M×D.
            data: B×N×D.
            mask: B×N booleans, True for real data; None: all of it is.

        Returns:
            B×M×D.
        """
        for layer in self.layers:
            if self.recompute and torch.is_grad_enabled():
                latents = checkpoint(layer, latents, data, mask, use_reentrant=False)
            else:
                latents = layer(latents, data, mask)
        return latents

    def attention(self, latents: Tensor, data: Tensor) -> Tensor:
        """How much each latent looks at each token in the last block, as a mean over its heads.

        Args:
            latents: B×M×D, as for `forward`.
            data: B×N×D, all of it real.

        Returns:
            B×M×N; each row sums to one.
        """
        *before, last = self.layers
        for layer in before:
            latents = layer(latents, data, None)
        reading = cast(PreNormAttention, cast(PerceiverBlock, last)[0])
        return reading.weights(latents, data).mean(dim=1)
