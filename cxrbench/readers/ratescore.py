"""RaTEScore (Zhao et al. 2024): entities of two reports, matched by meaning.

One model finds entities (anatomy; abnormality, disease, and both of them denied) in each sentence,
another turns each into a vector. Every entity of a report meets the most similar one (cosine) of
the other report. A side's value is the mean of these cosines, weighted by the affinity of the two
types; where one type denies the other, the cosine is multiplied by `opposite`. The score is the
harmonic mean of both sides, 0.5 where a report has no entity.

Both networks are read from the files that the package `RaTEScore` 0.6.0 reads; the rules below are
its own, with one exception: a report without a sentence moves the entities of all later reports by
one there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    MPNetConfig,
    MPNetModel,
    MPNetTokenizer,
)

from cxrbench.errors import WeightsError
from cxrbench.readers.affinity import Affinity
from cxrbench.readers.batches import ready, run_by_length, usual_device
from cxrbench.readers.entities import Found, find_entities
from cxrbench.readers.files import FoundReader, find_reader
from cxrbench.readers.kept import Kept
from cxrbench.readers.resident import resident
from cxrbench.readers.sentences import split_sentences
from cxrbench.readers.tokens import token_states
from cxrbench.weights.load import load

_MOST_PIECES = 512
_MOST_PIECES_OF_ENTITY = 30


class _Networks(nn.Module):
    """Both networks, under the names that the card gives."""

    def __init__(self, entities: DebertaV2Config, synonyms: MPNetConfig) -> None:
        super().__init__()
        self.entities: Any = DebertaV2ForTokenClassification(entities)
        self.synonyms: Any = MPNetModel(synonyms, add_pooling_layer=False)
        self.labels = _labels(entities)


class RateScore:
    """Scores pairs of reports; a pair that was scored before is not computed again."""

    def __init__(self, found: FoundReader, device: torch.device) -> None:
        """Take the files found; the weights are read when the first new pair comes.

        Args:
            found: Files of the reader `ratescore`.
            device: Where the networks work.
        """
        self.found = found
        self._device = device
        self._networks: _Networks | None = None

    @classmethod
    def load(cls, *, device: torch.device | None = None) -> RateScore:
        """Find it on this machine, or fetch it; it stays in memory.

        Args:
            device: None: a GPU where there is one.

        Raises:
            ReaderUnavailable: When its files are neither here nor to be had.
            WeightsError: When one is not the declared file.
        """
        return resident(cls, find_reader("ratescore"), device or usual_device())

    def compare(
        self, references: Sequence[str], generated: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """The score of each pair.

        Args:
            references: N texts.
            generated: N texts.

        Returns:
            (N,) values, about 0 to 1.

        Raises:
            SplitterUnavailable: When medspaCy is not here.
            WeightsError: When a file cannot be read, or does not fill its network completely.
        """
        pairs = list(zip(references, generated, strict=True))
        read: dict[str, list[Found]] = {}

        def compute(rows: list[int]) -> npt.NDArray[np.float64]:
            if not read:  # one call of the other Python for all, since its start takes seconds
                read.update(self._read(list(dict.fromkeys([*references, *generated]))))
            chosen = [(read[pairs[row][0]], read[pairs[row][1]]) for row in rows]
            return self._scores(chosen)

        kept = Kept("ratescore", self.found.digest)
        rows = kept.read(pairs, compute, row_bytes=8, title="RaTEScore reads reports")
        found: npt.NDArray[np.float64] = rows[:, 0]
        return found

    def _read(self, texts: Sequence[str]) -> dict[str, list[Found]]:
        """The entities of each text."""
        of_text = split_sentences(texts)
        sentences = list(dict.fromkeys(one for sentences in of_text for one in sentences))
        entities = dict(zip(sentences, self._entities(sentences), strict=True))
        return {
            text: [found for one in sentences_of for found in entities[one]]
            for text, sentences_of in zip(texts, of_text, strict=True)
        }

    def _entities(self, sentences: Sequence[str]) -> list[list[Found]]:
        networks = self._loaded()
        tokenizer = Tokenizer.from_file(str(self.found["ratescore-entities-tokenizer"]))
        tokenizer.enable_truncation(_MOST_PIECES)
        tokenizer.no_padding()
        encoded = tokenizer.encode_batch(list(sentences))
        logits = token_states(
            [one.ids for one in encoded],
            lambda ids, mask: networks.entities(ids, attention_mask=mask).logits,
            pad=int(networks.entities.config.pad_token_id),
            device=self._device,
        )
        found = []
        for one, scores in zip(encoded, logits, strict=True):
            labels = [networks.labels[label] for label in scores.argmax(dim=1).tolist()]
            spans = find_entities(one.tokens, labels)
            found.append(
                [
                    Found(tokenizer.decoder.decode(one.tokens[a : b + 1]), kind)
                    for a, b, kind in spans
                ]
            )
        return found

    def _scores(
        self, pairs: Sequence[tuple[Sequence[Found], Sequence[Found]]]
    ) -> npt.NDArray[np.float64]:
        """(N, 1) scores."""
        texts = list(dict.fromkeys(found.text for pair in pairs for side in pair for found in side))
        vectors = self._vectors(texts)
        affinity = Affinity.of(self.found.card.config)
        return np.array([[affinity.score(*pair, vectors)] for pair in pairs], np.float64)

    def _vectors(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Unit vectors of entities."""
        if not texts:
            return {}
        networks = self._loaded()
        tokenizer = MPNetTokenizer(str(self.found["ratescore-synonyms-vocabulary"]))
        ids = tokenizer(list(texts), truncation=True, max_length=_MOST_PIECES_OF_ENTITY)
        states = run_by_length(
            ids["input_ids"],
            lambda ids, mask: networks.synonyms(ids, attention_mask=mask).last_hidden_state[:, 0],
            pad=int(networks.synonyms.config.pad_token_id),
            device=self._device,
        )
        return dict(zip(texts, F.normalize(states, dim=1), strict=True))

    def _loaded(self) -> _Networks:
        if self._networks is None:
            networks = _Networks(
                DebertaV2Config.from_json_file(str(self.found["ratescore-entities-config"])),
                MPNetConfig.from_json_file(str(self.found["ratescore-synonyms-config"])),
            )
            kinds = {label[2:] for label in networks.labels if label != "O"}
            unknown = sorted(kinds - set(self.found.card.config["types"]))
            if unknown:
                raise WeightsError(
                    "the entities of RaTEScore are not those of the card",
                    why=f"ratescore-entities-config names {', '.join(unknown)}",
                    fix="fetch the files again",
                )
            load(networks, self.found.card, self.found.files)
            ready(networks, self._device, "float32")
            self._networks = networks
        return self._networks


def _labels(config: DebertaV2Config) -> list[str]:
    """`O`, `B-TYPE` and `I-TYPE`, in the order of the head."""
    named: dict[Any, str] = dict(config.id2label or {})
    return [named[place] for place in sorted(named, key=int)]
