"""The relational memory: slots that change with every word that is written."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxrbench.generation.relational.layers import Attention


class RelationalMemory(nn.Module):
    """Slots that attend to each other and to the last word, then are mixed by gates.

    The relational memory of arXiv 2010.16056, M being the slots and y the word:

        Z  = attention of M to [M; y]
        M~ = mlp(Z + M) + Z + M
        forget, input = y W + tanh(M) U      (y for every slot alike)
        M' = sigmoid(forget) M + sigmoid(input) tanh(M~)

    Args:
        dim: C of slots and words.
        slots: S.
        heads: Of the attention.
        dropout: Of the attention.
    """

    def __init__(self, dim: int, slots: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.slots, self.dim = slots, dim
        self.attention = Attention(dim, heads, dropout)
        # As released: the second layer has an activation, too.
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.word_gates, self.slot_gates = nn.Linear(dim, 2 * dim), nn.Linear(dim, 2 * dim)

    def start(self, like: Tensor) -> Tensor:
        """The slots before the first word, B×(S·C): as released, rows of the unit matrix."""
        first = torch.eye(self.slots, self.dim, dtype=like.dtype, device=like.device)
        return first.flatten().expand(len(like), -1)

    def step(self, slots: Tensor, word: Tensor) -> Tensor:
        """B×(S·C) slots and B×C embedded words to B×(S·C) slots."""
        old, word = slots.reshape(-1, self.slots, self.dim), word[:, None]
        related = self.attention(old, *self.attention.read(torch.cat([old, word], dim=1))) + old
        new = related + self.mlp(related)
        gates = self.word_gates(word) + self.slot_gates(old.tanh())
        accept, forget = gates.sigmoid().chunk(2, dim=2)
        after: Tensor = forget * old + accept * new.tanh()
        return after.flatten(1)

    def forward(self, words: Tensor) -> Tensor:
        """Whole texts, B×N×C embedded words, to the slots after each, B×N×(S·C)."""
        slots, after = self.start(words), []
        for word in words.unbind(1):
            slots = self.step(slots, word)
            after.append(slots)
        return torch.stack(after, dim=1)
