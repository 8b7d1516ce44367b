"""CheXbert (Smit et al. 2020): 14 observations of a chest X-ray report, and an embedding of it.

The network is bert-base-uncased with a linear head for each observation on the last hidden state
of [CLS]: four classes for thirteen of them, two for No Finding. The checkpoint is read as the
authors wrote it: `model_state_dict` with the names `module.bert.*` and
`module.linear_heads.<0..13>.{weight,bias}`. Names, cleaning and cut are those of their public code;
the released file itself was not opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from cxrbench.readers.bert import BertReader, one_line
from cxrbench.readers.observations import OBSERVATIONS

_CLASSES = (4,) * 13 + (2,)
"""Of each head; see `cxrbench.readers.observations`."""


class CheXbertNetwork(nn.Module):
    """The network of the checkpoint, without BERT's pooler, which nothing uses."""

    def __init__(self, config: BertConfig) -> None:
        """Build it."""
        super().__init__()
        self.bert: Any = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(0.1)
        self.linear_heads = nn.ModuleList(nn.Linear(config.hidden_size, n) for n in _CLASSES)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) ids and mask to the (B, D) last hidden state of [CLS]."""
        states: Tensor = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return states[:, 0]

    def classes(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) ids and mask to the (B, 14) most likely classes of the heads."""
        seen = self.dropout(self(ids, mask))
        return torch.stack([head(seen).argmax(dim=1) for head in self.linear_heads], 1)


class CheXbert(BertReader):
    """Labels reports, and embeds them."""

    reader = "chexbert"

    def sizes(self) -> dict[str, Any]:
        """Those on the card: the checkpoint tells none."""
        return self.found.card.config

    def build(self, config: BertConfig) -> nn.Module:
        """The network with the names of the checkpoint."""
        return CheXbertNetwork(config)

    def label(self, texts: Sequence[str]) -> npt.NDArray[np.uint8]:
        """The class of each observation in each report.

        Args:
            texts: N reports, at least one.

        Returns:
            (N, 14) 0 blank, 1 positive, 2 negative, 3 uncertain, in the order of `OBSERVATIONS`.

        Raises:
            WeightsError: When the checkpoint does not fill the network completely.
        """
        cleaned = list(map(one_line, texts))
        return self.read(cleaned, "labels", CheXbertNetwork.classes, len(OBSERVATIONS), np.uint8)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The last hidden state of [CLS] of each report.

        Args:
            texts: N reports, at least one.

        Returns:
            (N, D) float32; D is 768.

        Raises:
            WeightsError: When the checkpoint does not fill the network completely.
        """
        cleaned, width = list(map(one_line, texts)), int(self.sizes()["hidden_size"])
        return self.read(cleaned, "embeddings", CheXbertNetwork.forward, width, np.float32)
