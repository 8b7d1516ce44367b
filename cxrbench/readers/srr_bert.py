"""SRR-BERT (Delbrouck et al. 2025): 55 labels of an utterance of a structured report.

It is `BertForSequenceClassification` of transformers with a sigmoid on each of 55 outputs (54
findings, the leaves of a hierarchy, and No Finding), over the vocabulary of CXR-BERT. Sizes come
from `config.json` beside the weights. That, the threshold of one half and the cut after 512 tokens
are those of the public code of StructEval; the released files were not opened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from cxrbench.errors import WeightsError
from cxrbench.readers.bert import BertReader, one_line

_SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act",
)  # fmt: skip


class SrrBert(BertReader):
    """Labels utterances."""

    reader = "srr-bert-leaves"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the outputs."""
        return tuple(self.found.card.config["labels"])

    def sizes(self) -> dict[str, Any]:
        """Those in `config.json`; what it does not tell is as in bert-base.

        Raises:
            WeightsError: When it is no JSON object.
        """
        path = self.found[f"{self.reader}-config"]
        try:
            told = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            told = None
        if not isinstance(told, dict):
            raise WeightsError(
                f"cannot read {path.name} of {self.reader}",
                why="it is no JSON object",
                fix="fetch it again, complete",
            )
        return {name: told[name] for name in _SIZES if name in told}

    def build(self, config: BertConfig) -> nn.Module:
        """The network with the names of the checkpoint."""
        config.num_labels = len(self.labels)
        return BertForSequenceClassification(config)

    def label(self, utterances: Sequence[str]) -> npt.NDArray[np.bool_]:
        """What each utterance tells.

        Args:
            utterances: N texts, at least one.

        Returns:
            (N, 55) whether the probability of each label is above one half.

        Raises:
            WeightsError: When the checkpoint does not fill the network completely.
        """
        cleaned = list(map(one_line, utterances))
        return self.read(cleaned, "labels", _told, len(self.labels), np.bool_)


def _told(network: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    logits: Tensor = network(input_ids=ids, attention_mask=mask).logits
    return logits.sigmoid() > 0.5
