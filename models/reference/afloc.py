"""Reference vectors of AFLoc."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

from ..afloc import grounding_map
from .gloria import Outputs, in_common
from .words import FULL_STOP


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    outputs = Outputs(case)
    units = [
        sentence_units(words[:count], stops[:count])
        for words, stops, count in zip(
            outputs.words, _stops(outputs), outputs.word_counts, strict=True
        )
    ]
    padded = outputs.words.new_zeros(outputs.words.shape)
    for row, found in enumerate(units):
        padded[row, : len(found)] = found
    return {
        **in_common(outputs),
        "local2": case.encoder.fine_local(outputs.stages[1]),
        "sent_embed_slice": padded.mT[:, ::16, :8],
        "n_sent_units": torch.tensor([len(found) for found in units]),
        "grounding_map": grounding_map(outputs.local, outputs.report),
    }


def sentence_units(words: Tensor, stops: Tensor) -> Tensor:
    """W×D words of one text to units: start, the mean of each sentence, end.

    Args:
        words: The first is the start token, the last the end token.
        stops: W, True for full stops. They end a sentence and are no part of it; one right before
            the end token is a word of the last sentence.
    """
    ends = [at for at in stops.nonzero().flatten().tolist() if at < len(words) - 2]
    starts = [1, *(at + 1 for at in ends)]
    means = [
        words[start:end].mean(dim=0)
        for start, end in zip(starts, [*ends, len(words) - 1], strict=True)
        if end > start
    ]
    return torch.stack([words[0], *means, words[-1]])


def _stops(outputs: Outputs) -> Tensor:
    """B×N, True in the slots of words that are a full stop and nothing else."""
    ids, slots = outputs.case.ids, outputs.slots
    own, into = slots >= 0, slots.clamp_min(0)
    pieces = torch.zeros_like(ids).scatter_add(1, into, own.long())
    dots = torch.zeros_like(ids).scatter_add(1, into, (own & (ids == FULL_STOP)).long())
    return (pieces == 1) & (dots == 1)


compare = golden(_compute)
