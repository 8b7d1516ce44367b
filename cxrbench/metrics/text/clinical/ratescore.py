"""RaTEScore (Zhao et al. 2024): entities of both reports, matched by meaning and type.

See `cxrbench.readers.ratescore` for the formula. The affinities are those fitted to whole reports
(`long` in the package). It needs medspaCy, in a Python of its own.
"""

from __future__ import annotations

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.clinical.pairs import PairMean
from cxrbench.metrics.text.inputs import Corpus


def rate_scores(corpus: Corpus) -> FloatArray:
    """(N, 1) score of each pair.

    Raises:
        MetricUnavailable: When its models or medspaCy are not here, or a model is not whole.
    """
    with reading():
        from cxrbench.readers.ratescore import RateScore  # it imports torch

        return RateScore.load().compare(corpus.references, corpus.generated)[:, None]


METRICS = (
    PairMean(
        id="ratescore",
        summary="Likeness of the entities of both reports, weighted by their types, mean over "
        "reports.",
        formula="mean of the harmonic mean of both sides' weighted means of best cosines; 0.5 "
        "without entities",
        source="Zhao et al. 2024; RaTEScore 0.6.0, affinities for whole reports",
        averaging="micro",
        readers=("ratescore",),
        values=rate_scores,
    ),
)
