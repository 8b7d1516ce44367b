"""BERTScore (Zhang et al. 2020): the tokens of two texts, matched by their states in one layer.

Every token takes the most similar token of the other text (cosine). Precision is the mean over the
tokens of the generated text, recall that over those of the reference; the tokens that frame a text
may be taken but do not count. All tokens weigh the same (no idf). Rescaled: (x - b) / (1 - b), b
being the value of unrelated sentences, for precision, recall and F1 each. A text without a token
has 0 before that. This is what the package `bert-score` 0.3.13 computes; it fails on empty texts
with transformers 5 (docs/decisions/clinical-metrics.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

from cxrbench.readers.batches import ready, usual_device
from cxrbench.readers.files import FoundReader, find_reader
from cxrbench.readers.kept import Kept
from cxrbench.readers.resident import resident
from cxrbench.readers.tokens import token_states
from cxrbench.readers.wordpiece import WordPieces
from cxrbench.weights.load import load

Pieces = Callable[[Sequence[str]], list[list[int]]]


class _Parts(NamedTuple):
    """A network, what makes token ids for it, and the id that fills up a batch."""

    network: Any
    pieces: Pieces
    pad: int


class BertScore:
    """Compares pairs of texts; a pair that was compared before is not computed again."""

    def __init__(self, found: FoundReader, device: torch.device) -> None:
        """Take the files found; the weights are read when the first new pair comes.

        Args:
            found: Files of a reader `bertscore-*`.
            device: Where the network works.
        """
        self.found = found
        self._device = device
        self._loaded: _Parts | None = None

    @classmethod
    def load(cls, reader: str, *, device: torch.device | None = None) -> BertScore:
        """Find it on this machine, or fetch it; it stays in memory.

        Args:
            reader: Id of the card.
            device: None: a GPU where there is one.

        Raises:
            ReaderUnavailable: When its files are neither here nor to be had.
            WeightsError: When one is not the declared file.
        """
        return resident(cls, find_reader(reader), device or usual_device())

    def compare(
        self, references: Sequence[str], generated: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Precision, recall and F1 of each pair, rescaled.

        Args:
            references: N texts.
            generated: N texts.

        Returns:
            (N, 3) values, 1 for equal texts, about 0 for unrelated ones.

        Raises:
            WeightsError: When a file cannot be read, or does not fill the network completely.
        """
        pairs = [(r.strip(), g.strip()) for r, g in zip(references, generated, strict=True)]

        def compute(rows: list[int]) -> npt.NDArray[np.float32]:
            return self._matched([pairs[row] for row in rows])

        kept = Kept(self.found.card.id, self.found.digest)
        title = f"BERTScore ({self.found.card.title})"
        raw = kept.read(pairs, compute, row_bytes=12, title=title)
        baseline = np.array(self.found.card.config["baseline"])
        values: npt.NDArray[np.float64] = (raw - baseline) / (1 - baseline)
        return values

    def _matched(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float32]:
        """(N, 3) values of pairs, not rescaled."""
        parts = self._parts()
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        states = token_states(
            parts.pieces(texts),
            lambda ids, mask: parts.network(ids, attention_mask=mask).last_hidden_state,
            pad=parts.pad,
            device=self._device,
        )
        of_text = dict(zip(texts, states, strict=True))
        return np.array([match(of_text[r], of_text[g]) for r, g in pairs], np.float32)

    def _parts(self) -> _Parts:
        if self._loaded is None:
            build = {"distilbert": _distilbert, "roberta": _roberta}
            parts = build[self.found.card.config["architecture"]](self.found)
            load(parts.network, self.found.card, self.found.files)
            self._loaded = parts._replace(network=ready(parts.network, self._device, "float32"))
        return self._loaded


def match(reference: Tensor, generated: Tensor) -> tuple[float, float, float]:
    """Precision, recall and F1 of two texts, not rescaled.

    Args:
        reference: (R, D) states of its tokens, the first and last of which frame the text.
        generated: (G, D).
    """
    if min(len(reference), len(generated)) <= 2:
        return 0.0, 0.0, 0.0
    cosines = F.normalize(generated, dim=1) @ F.normalize(reference, dim=1).T
    precision = float(cosines.max(dim=1).values[1:-1].mean())
    recall = float(cosines.max(dim=0).values[1:-1].mean())
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def _distilbert(found: FoundReader) -> _Parts:
    config = DistilBertConfig.from_json_file(str(found[f"{found.card.id}-config"]))
    config.n_layers = int(found.card.config["layers"])
    most = config.max_position_embeddings
    pieces = WordPieces(found[f"{found.card.id}-vocabulary"], most=most, size=config.vocab_size)
    return _Parts(DistilBertModel(config), pieces, pieces.pad)


def _roberta(found: FoundReader) -> _Parts:
    config = RobertaConfig.from_json_file(str(found[f"{found.card.id}-config"]))
    config.num_hidden_layers = int(found.card.config["layers"])
    pad = int(config.pad_token_id or 0)
    tokenizer = RobertaTokenizer(
        str(found[f"{found.card.id}-vocabulary"]),
        str(found[f"{found.card.id}-merges"]),
        add_prefix_space=True,  # a blank before the first word, as before every other
    )
    most = config.max_position_embeddings - pad - 1  # positions begin behind that of the padding

    def pieces(texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]
        return ids

    network: nn.Module = RobertaModel(config, add_pooling_layer=False)
    return _Parts(network, pieces, pad)
