"""SemScore: how alike the two reports are to CheXbert ("semb score" of Yu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.clinical.pairs import PairMean
from cxrbench.metrics.text.inputs import Corpus


def chexbert_cosines(corpus: Corpus) -> FloatArray:
    """(N, 1) cosine of the embeddings of each pair; 0 where one of them has no length.

    Raises:
        MetricUnavailable: When CheXbert is not on this machine, or is not whole.
    """
    ours, theirs = (_embedded(side) for side in (corpus.references, corpus.generated))
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    products = (ours * theirs).sum(axis=1)
    cosines: FloatArray = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1.0), 0.0)
    return cosines[:, None]


def _embedded(texts: Sequence[str]) -> FloatArray:
    with reading():
        from cxrbench.readers.chexbert import CheXbert  # it imports torch

        return CheXbert.load().embed(texts).astype(np.float64)


METRICS = (
    PairMean(
        id="semscore",
        summary="Cosine of CheXbert's embeddings of both reports, mean over reports.",
        formula="mean of a b / (|a| |b|), a and b the last hidden states of [CLS]",
        source="Yu et al. 2023 (semb score); Smit et al. 2020",
        range=(-1.0, 1.0),
        unit="cosine",
        averaging="micro",
        readers=("chexbert",),
        values=chexbert_cosines,
    ),
)
