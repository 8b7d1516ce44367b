"""Reference vectors of GLoRIA, and those that AFLoc has in common with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..gloria import local_similarity
from ..parts.tokens import Tokens
from ..parts.words import slots_of, sum_by_slot
from .shared import joint, stages
from .words import continues

_PADDED_LESS = 64


@dataclass
class Outputs:
    """What the encoder makes of the images and texts of a case, computed once."""

    case: GoldenCase

    @property
    def encoder(self) -> Any:
        """The encoder."""
        return self.case.encoder

    @cached_property
    def stages(self) -> list[Tensor]:
        """Of the trunk."""
        found: list[Tensor] = self.encoder.image(self.case.pixels())
        return found

    @cached_property
    def features(self) -> Any:
        """Of the images."""
        return self.encoder.features(self.case.pixels())

    @cached_property
    def local(self) -> Tensor:
        """B×768×19×19."""
        found: Tensor = self.encoder.local(self.features.grid)
        return found

    @property
    def tokens(self) -> Tokens:
        """Of the texts."""
        return Tokens(self.case.ids, self.case.mask)

    @cached_property
    def report(self) -> Tensor:
        """B×768, of texts padded as in the case."""
        places = self.case.ids.shape[1]
        found: Tensor = self.encoder.text_features(self.tokens, places=places)
        return found

    @cached_property
    def slots(self) -> Tensor:
        """B×N slots of words."""
        return slots_of(continues(self.case.ids), self.case.mask)

    @cached_property
    def words(self) -> Tensor:
        """B×N×768 sums of pieces."""
        return sum_by_slot(self.encoder.token_features(self.tokens), self.slots)

    @property
    def word_counts(self) -> Tensor:
        """B numbers of words, start and end included."""
        return self.slots.amax(dim=1) + 1


def in_common(outputs: Outputs) -> dict[str, Tensor]:
    """The arrays of GLoRIA and of AFLoc."""
    encoder, features, report = outputs.encoder, outputs.features, outputs.report
    spaces = joint(encoder, features, report)
    short = Tokens(*(each[:, :_PADDED_LESS] for each in (outputs.tokens.ids, outputs.tokens.mask)))
    return {
        **stages(outputs.stages),
        **spaces,
        "similarity_global": spaces["similarity"],
        "pooled": features.pooled,
        "grid": features.grid,
        "image_proj": encoder.global_embedder(features.pooled),
        "local": outputs.local,
        "text_report": report,
        "text_report_padded64_slice": encoder.text_features(short, places=_PADDED_LESS)[:, ::4],
        "word_embed_slice": outputs.words.mT[:, ::16, :24],
        "n_words": outputs.word_counts,
    }


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    outputs = Outputs(case)
    counts = outputs.word_counts - 2
    scores = [
        5 * local_similarity(outputs.local, words[1 : 1 + count])
        for words, count in zip(outputs.words, counts, strict=True)
    ]
    return {
        **in_common(outputs),
        "local_word_counts": counts,
        "similarity_local": torch.stack(scores, dim=1),
    }


compare = golden(_compute)
