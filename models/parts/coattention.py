"""Two towers of tokens that look at each other, layer by layer (as in PTUnifier and METER)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .settings import Settings


class CoAttentionSettings(Settings):
    """Sizes of both towers."""

    dim: int = 768
    layers: int = 6
    heads: int = 12
    hidden: int = 3072


class Attention(nn.Module):
    """Multi-head attention, then the sum with its input, then a layer norm."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, data: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend from B×N×D tokens to B×L×D data; mask: B×L booleans, True where allowed."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(x), self.key(data), self.value(data))
        )
        allowed = None if mask is None else mask[:, None, None]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        out: Tensor = self.norm(x + self.out(attended.transpose(1, 2).flatten(2)))
        return out


class Layer(nn.Module):
    """Attention to the own tower, then to the other one, then a feed-forward network."""

    def __init__(self, settings: CoAttentionSettings) -> None:
        super().__init__()
        dim = settings.dim
        self.attention = Attention(dim, settings.heads)
        self.crossattention = Attention(dim, settings.heads)
        self.grow = nn.Linear(dim, settings.hidden)
        self.shrink = nn.Linear(settings.hidden, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, x: Tensor, other: Tensor, mask: Tensor | None, other_mask: Tensor | None
    ) -> Tensor:
        """B×N×D tokens with B×L×D tokens of the other tower; True in a mask is a real token."""
        x = self.crossattention(self.attention(x, x, mask), other, other_mask)
        out: Tensor = self.norm(x + self.shrink(F.gelu(self.grow(x))))
        return out


class CoAttention(nn.Module):
    """Fuses the tokens of a text with those of an image into one vector."""

    def __init__(self, settings: CoAttentionSettings) -> None:
        super().__init__()
        dim = settings.dim
        self.text_projection = nn.Linear(dim, dim)
        self.image_projection = nn.Linear(dim, dim)
        self.modality = nn.Embedding(2, dim)
        self.text_layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.image_layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.text_pooler = nn.Linear(dim, dim)
        self.image_pooler = nn.Linear(dim, dim)

    def forward(self, text: Tensor, mask: Tensor, image: Tensor) -> Tensor:
        """Fuse pairs.

        Args:
            text: B×N×D tokens.
            mask: B×N booleans, True for real tokens.
            image: B×P×D tokens.

        Returns:
            B×2D: the first token of the text, then that of the image.
        """
        text = self.text_projection(text) + self.modality.weight[0]
        image = self.image_projection(image) + self.modality.weight[1]
        for text_layer, image_layer in zip(self.text_layers, self.image_layers, strict=True):
            # Both read what the other was before this layer.
            text, image = (
                text_layer(text, image, mask, None),
                image_layer(image, text, None, mask),
            )
        pooled = [self.text_pooler(text[:, 0]), self.image_pooler(image[:, 0])]
        return torch.cat(pooled, dim=-1).tanh()
