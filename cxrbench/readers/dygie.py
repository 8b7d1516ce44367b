"""The span model DyGIE++ (Wadden et al. 2019), as RadGraph is made of it.

A BERT gives each word the mean of its pieces. Every run of up to `max_span_width` words is a span:
its first and last word, and an embedding of its width. One scorer labels spans as entities; another
says which spans are worth relating, of which a share of the number of words is kept; a third names
the relation of two spans, from both and their product. "None" always scores 0.

Coreference and events, which the code also has, are switched off in RadGraph and left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from cxrbench.readers.graphs import Spans


@dataclass(frozen=True)
class DygieSizes:
    """What the configuration beside the weights says.

    Attributes:
        max_span_width: Words of the longest span.
        width_dim: Size of the embedding of widths.
        hidden: Sizes of the hidden layers of all scorers.
        spans_per_word: How many spans may be related, as a share of the words.
        entities: Labels of entities.
        relations: Names of relations.
    """

    max_span_width: int
    width_dim: int
    hidden: tuple[int, ...]
    spans_per_word: float
    entities: tuple[str, ...]
    relations: tuple[str, ...]


class Scorer(nn.Module):
    """Linear layers, a ReLU behind each but the last."""

    def __init__(self, size: int, hidden: Sequence[int], out: int) -> None:
        """Build it.

        Args:
            size: Of its input.
            hidden: Sizes of the hidden layers.
            out: Size of its output.
        """
        super().__init__()
        sizes = (size, *hidden)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.out = nn.Linear(sizes[-1], out)

    def forward(self, states: Tensor) -> Tensor:
        """(…, size) to (…, out)."""
        for layer in self.hidden:
            states = F.relu(layer(states))
        scores: Tensor = self.out(states)
        return scores


class DyGIE(nn.Module):
    """The network."""

    def __init__(self, bert: BertConfig, sizes: DygieSizes) -> None:
        """Build it, with random weights.

        Args:
            bert: Of the encoder.
            sizes: Of the rest.
        """
        super().__init__()
        self.sizes = sizes
        self.bert: Any = BertModel(bert, add_pooling_layer=False)
        self.widths = nn.Embedding(sizes.max_span_width, sizes.width_dim)
        span = 2 * bert.hidden_size + sizes.width_dim
        self.entities = Scorer(span, sizes.hidden, len(sizes.entities))
        self.mentions = Scorer(span, sizes.hidden, 1)
        self.relations = Scorer(3 * span, sizes.hidden, len(sizes.relations))

    def pieces(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) word pieces and their mask to (B, L, D) states."""
        states: Tensor = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    @torch.inference_mode()
    def forward(self, words: Tensor) -> Spans:
        """(W, D) states of the words of one report, W at least 1, to its entities and relations.

        Relations are scored for entities alone, since others are in no graph; which spans are kept
        for that does not depend on it.
        """
        spans = self._spans(len(words)).to(words.device)
        first, last = spans.T
        states = torch.cat([words[first], words[last], self.widths(last - first)], dim=1)
        labels = _named(self.entities(states))
        worth = self.mentions(states)[:, 0]
        most = int(torch.ceil(torch.tensor(float(len(words))) * self.sizes.spans_per_word))
        kept = torch.zeros(len(spans), dtype=torch.bool, device=words.device)
        kept[worth.topk(min(max(most, 1), len(spans))).indices] = True
        entities = labels.nonzero()[:, 0]
        related = self._related(states, worth, (kept & (labels > 0)).nonzero()[:, 0])
        place = {span: position for position, span in enumerate(entities.tolist())}
        return Spans(
            tuple(
                (int(a), int(b), int(label) - 1)
                for (a, b), label in zip(spans[entities], labels[entities], strict=True)
            ),
            tuple((place[a], place[b], name) for a, b, name in related),
        )

    def _spans(self, words: int) -> Tensor:
        """(S, 2) first and last word of every span, by the first, then by the last."""
        return torch.tensor(
            [
                (first, last)
                for first in range(words)
                for last in range(first, min(first + self.sizes.max_span_width, words))
            ]
        )

    def _related(self, states: Tensor, worth: Tensor, chosen: Tensor) -> list[tuple[int, ...]]:
        """(from, to, name) of related spans; `chosen` are the positions of those to look at."""
        if not len(chosen):
            return []
        left = states[chosen][:, None].expand(-1, len(chosen), -1)
        right = left.transpose(0, 1)
        scores = self.relations(torch.cat([left, right, left * right], dim=2))
        scores = scores + worth[chosen][:, None, None] + worth[chosen][None, :, None]
        names = _named(scores)
        return [
            (int(chosen[a]), int(chosen[b]), int(names[a, b]) - 1)
            for a, b in names.nonzero().tolist()
        ]


def _named(scores: Tensor) -> Tensor:
    """(…, C) scores to the class of the best, from 1; 0 where none is above 0."""
    best, where = scores.max(dim=-1)
    return torch.where(best > 0, where + 1, 0)
