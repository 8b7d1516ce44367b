"""Part `b_text`: reports and transcripts, with and without padding in the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cxrbench.testing.reference import Compared, compare, compare_exactly
from cxrbench.testing.vectors import Vectors

from ...parts.tokens import Tokens
from ..tokenizer import PAD, special_ids
from .case import Case
from .summaries import check_summaries


@torch.no_grad()
def check_text(case: Case, vectors: Vectors) -> Iterator[Compared]:
    """Every stage of the text path."""
    network, name = case.network, vectors.name
    tokens = case.tokens(vectors["report_ids"])
    pad = special_ids(case.settings.text.vocab_size)[PAD]
    yield compare_exactly(f"{name} pad_id", pad, vectors["pad_id"])
    length = vectors["padded_length"]
    yield compare_exactly(f"{name} padded_length", tokens.ids.shape[1], length)
    rows, channels = vectors["token_rows"].tolist(), int(vectors["channels"])
    hidden = network.text_encoder(tokens.ids, tokens.mask)
    projected = network.text_projector(hidden)
    yield from check_summaries(vectors, "encoder_last_hidden_padded", hidden, rows, channels)
    yield from check_summaries(vectors, "projected_padded", projected, rows, channels)
    singles = [_alone(case, tokens, row) for row in range(len(tokens.ids))]
    for report, (own_hidden, own_projected) in enumerate(singles):
        chosen = [row for row in rows if row < len(own_hidden)]
        for stage, tensor in (("encoder", own_hidden), ("projected", own_projected)):
            key = f"{stage}_single{report}_slice"
            if key in vectors:
                yield compare(f"{name} {key}", tensor[chosen, :channels], vectors[key])
    weight = tokens.mask.unsqueeze(-1).to(projected.dtype)
    single = torch.stack([tensor.mean(dim=0) for _, tensor in singles])
    legacy = network.text_vectors(tokens)
    found = {
        "report_vector_padded_legacy": legacy,
        "report_vector_single_sample": single,
        "report_vector_masked_mean_of_padded": (projected * weight).sum(1) / weight.sum(1),
        "report_logits_padded_legacy": network.report_classifier(legacy),
        "report_logits_single_sample": network.report_classifier(single),
        "transcript_cls_sentences": _starts(case, vectors["sentence_ids"]),
        "transcript_cls_full": _starts(case, vectors["full_ids"]),
    }
    for key, tensor in found.items():
        yield compare(f"{name} {key}", tensor, vectors[key])


def _alone(case: Case, tokens: Tokens, row: int) -> tuple[Tensor, Tensor]:
    """Hidden states and projected tokens of one text without padding, N×D each."""
    length = int(tokens.mask[row].sum())
    ids, mask = tokens.ids[row : row + 1, :length], tokens.mask[row : row + 1, :length]
    hidden = case.network.text_encoder(ids, mask)
    return hidden[0], case.network.text_projector(hidden)[0]


def _starts(case: Case, ids: np.ndarray) -> Tensor:
    """The first projected token of each text."""
    return case.network.text_starts(case.tokens(ids))
