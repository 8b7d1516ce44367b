"""What PriorRG puts between its towers; parameters have the names of its checkpoint."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class TokenProjection(nn.Module):
    """A two-layer perceptron with batch norm on every token, the same width out as in.

    Args:
        dim: D.
        normed: Whether a layer norm comes first.
    """

    def __init__(self, dim: int, *, normed: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim) if normed else nn.Identity()
        self.head = nn.Sequential(
            nn.Conv1d(dim, dim // 2, 1),
            nn.BatchNorm1d(dim // 2),
            nn.ReLU(),
            nn.Conv1d(dim // 2, dim, 1),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """B×N×D to B×N×D."""
        out: Tensor = self.head(self.norm(tokens).mT).mT
        return out


class PriorAttention(nn.Module):
    """Multi-head attention from an image to the image before it, twice as wide inside."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(dim)
        self.ln_2 = nn.LayerNorm(dim)
        self.fc_q = nn.Linear(dim, 2 * dim)
        self.fc_k = nn.Linear(dim, 2 * dim)
        self.fc_v = nn.Linear(dim, 2 * dim)
        self.fc_o = nn.Linear(2 * dim, dim)

    def forward(self, current: Tensor, prior: Tensor) -> Tensor:
        """B×N×D and B×L×D to the B×N×D update of the current image."""
        prior = self.ln_2(prior)
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.fc_q(self.ln_1(current)), self.fc_k(prior), self.fc_v(prior))
        )
        attended = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.fc_o(attended.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """Layer norm, linear, GELU, linear."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        # The checkpoint counts a dropout in fourth place.
        self.net = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, dim), nn.GELU(), nn.Identity(), nn.Linear(dim, dim)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """B×N×D to the B×N×D update."""
        out: Tensor = self.net(tokens)
        return out


class TemporalFusion(nn.Module):
    """An image that has looked at the image before it, which stays as it is."""

    def __init__(self, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([PriorAttention(dim, heads), FeedForward(dim)]) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, current: Tensor, prior: Tensor) -> Tensor:
        """B×N×D and B×L×D to B×N×D."""
        for layer in self.layers:
            attention, feed_forward = layer.children()
            current = current + attention(current, prior)
            current = current + feed_forward(current)
        out: Tensor = self.norm(current)
        return out
