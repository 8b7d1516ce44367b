"""The encoder and decoder of R2Gen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cxrbench.generation.relational.layers import Attention, ConditionalNorm, Norm, feed_forward
from cxrbench.generation.relational.memory import RelationalMemory
from cxrbench.generation.relational.settings import RelationalSettings

KeysValues = tuple[Tensor, Tensor]
Remember = Callable[[Tensor, Tensor], KeysValues]
"""Keys and values of the latest words to those of all words."""
_BIAS = 0.1


class EncoderLayer(nn.Module):
    """Attention of visual tokens to each other, then a layer of their own; both normalise first."""

    def __init__(self, settings: RelationalSettings) -> None:
        super().__init__()
        dim, dropout = settings.dim, settings.dropout
        self.attention = Attention(dim, settings.heads, dropout)
        self.feed_forward = feed_forward(dim, settings.feed_forward, dropout)
        self.norms = nn.ModuleList([Norm(dim), Norm(dim)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """B×T×C to the same shape."""
        normed = self.norms[0](hidden)
        hidden = hidden + self.dropout(self.attention(normed, *self.attention.read(normed)))
        return hidden + cast(Tensor, self.dropout(self.feed_forward(self.norms[1](hidden))))


class DecoderLayer(nn.Module):
    """Attention to the words so far and to the image; the memory adjusts every normalisation."""

    def __init__(self, settings: RelationalSettings) -> None:
        super().__init__()
        dim, dropout = settings.dim, settings.dropout
        self.words = Attention(dim, settings.heads, dropout)
        self.image = Attention(dim, settings.heads, dropout)
        self.feed_forward = feed_forward(dim, settings.feed_forward, dropout)
        slots = settings.slots * dim
        self.norms = nn.ModuleList([ConditionalNorm(dim, slots) for _ in range(3)])
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        hidden: Tensor,
        slots: Tensor,
        image: KeysValues,
        seen: Tensor,
        remember: Remember | None = None,
    ) -> Tensor:
        """Words to the same shape.

        Args:
            hidden: B×N×C.
            slots: B×N×(S·C), the memory at each word.
            image: What `self.image` reads of the image.
            seen: …×N×T booleans: at which words each looks.
            remember: None where the words are the whole text.
        """
        normed = self.norms[0](hidden, slots)
        read = self.words.read(normed)
        past = read if remember is None else remember(*read)
        hidden = hidden + self.dropout(self.words(normed, *past, seen))
        hidden = hidden + self.dropout(self.image(self.norms[1](hidden, slots), *image))
        return hidden + cast(Tensor, self.dropout(self.feed_forward(self.norms[2](hidden, slots))))


class RelationalTransformer(nn.Module):
    """Encoder over visual tokens, relational memory, and decoder over words.

    As released, matrices begin as Glorot's uniform ones, but for the output layer's, and the biases
    of what adjusts the normalisations at 0.1.

    Args:
        settings: Sizes.
        checkpointing: Compute the decoder's layers again for the gradients instead of keeping what
            they computed.
    """

    def __init__(self, settings: RelationalSettings, *, checkpointing: bool = False) -> None:
        super().__init__()
        self._checkpointing = checkpointing
        self.encoder = nn.ModuleList([EncoderLayer(settings) for _ in range(settings.layers)])
        self.encoder_norm = Norm(settings.dim)
        self.embedding = nn.Embedding(settings.vocab_size, settings.dim)
        self.memory = RelationalMemory(
            settings.dim, settings.slots, settings.slot_heads, settings.dropout
        )
        self.decoder = nn.ModuleList([DecoderLayer(settings) for _ in range(settings.layers)])
        self.decoder_norm = Norm(settings.dim)
        self._begin()
        self.output = nn.Linear(settings.dim, settings.vocab_size)
        self.dropout = nn.Dropout(settings.dropout)
        places = _waves(settings.positions, settings.dim)
        self.register_buffer("_places", places, persistent=False)

    @property
    def decoder_layers(self) -> list[DecoderLayer]:
        """The layers of the decoder, in order."""
        return [cast(DecoderLayer, layer) for layer in self.decoder]

    def encode(self, visual: Tensor) -> Tensor:
        """B×T×C visual tokens, which have no positions, to B×T×C."""
        for layer in self.encoder:
            visual = layer(visual)
        return cast(Tensor, self.encoder_norm(visual))

    def embed(self, ids: Tensor, first: int = 0) -> Tensor:
        """B×N int64 to B×N×C; `first` is the position of the first of them."""
        places = cast(Tensor, self._places)[first : first + ids.shape[1]]
        scaled = self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)
        return cast(Tensor, self.dropout(scaled + places))

    def forward(self, visual: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Teacher forcing: what the output layer reads.

        Args:
            visual: B×T×C.
            ids: B×N int64.
            mask: B×N booleans, False on padding.

        Returns:
            B×N×C.
        """
        memory, hidden = self.encode(visual), self.embed(ids)
        slots = self.memory(hidden)
        before = mask.new_ones(ids.shape[1], ids.shape[1]).tril()
        seen = (mask[:, None] & before)[:, None]
        for layer in self.decoder_layers:
            image = layer.image.read(memory)
            if self._checkpointing and self.training:
                hidden = checkpoint(layer, hidden, slots, image, seen, use_reentrant=False)
            else:
                hidden = layer(hidden, slots, image, seen)
        return cast(Tensor, self.decoder_norm(hidden))

    def _begin(self) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, ConditionalNorm):
                for name, parameter in module.named_parameters():
                    if name.endswith(".bias"):
                        nn.init.constant_(parameter, _BIAS)


def _waves(positions: int, dim: int) -> Tensor:
    """N×C sines and cosines in turn (arXiv 1706.03762, section 3.5)."""
    rates = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
    angles = torch.arange(positions)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
