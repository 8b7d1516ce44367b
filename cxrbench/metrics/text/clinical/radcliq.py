"""RadCliQ-v1 (Yu et al. 2023): how many errors a radiologist would find, told by three scores.

A linear model of standardised scores, fitted to the errors that radiologists counted in 160 pairs:

    RadCliQ-v1 = b + sum over scores of w (score - mean) / deviation

of `radgraph-f1-combined`, of BERTScore (F1, fifth layer of distilroberta-base, rescaled, no idf,
runs of blanks squeezed) and of SemScore. Lower is better; equal reports have -1.44 (-0.82 where
there is no relation in them), wholly different ones about 1.5 to 2. The unit is no number of
errors. Many tables print 1 / RadCliQ-v1, of the mean over reports: `radcliq-v1-inverse`.

Sentence BLEU-2 belongs to the model too, with a weight of 4e-12 and so a share below 2e-11 of the
value: it is left out. The numbers are those of the authors' `radcliq-v1.pkl`, as RadEval publishes
them (that file is code, which is not run here); its authors state the same values of both to 1e-8.
The authors' code takes no idf unless asked to; RadEval from 2.0 on does, which gives other numbers.
"""

from __future__ import annotations

import re

import numpy as np

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.clinical.pairs import PairMean
from cxrbench.metrics.text.clinical.radgraph import Rewards, radgraph_rewards
from cxrbench.metrics.text.clinical.semscore import chexbert_cosines
from cxrbench.metrics.text.inputs import Corpus

# Of RadGraph, BERTScore, SemScore.
MEANS = np.array([0.53792312, 0.61757256, 0.76479421])
DEVIATIONS = np.array([0.30282584, 0.22430938, 0.25394391])
WEIGHTS = np.array([-0.377083683, -0.370300100, -0.252616218])
BIAS = 2.46655256e-10
_BLANKS = re.compile(" +")


def composite(scores: FloatArray) -> FloatArray:
    """RadCliQ-v1 of (N, 3) scores: RadGraph (combined), BERTScore, SemScore."""
    value: FloatArray = (scores - MEANS) / DEVIATIONS @ WEIGHTS + BIAS
    return value


def radcliq(corpus: Corpus) -> FloatArray:
    """(N, 1) RadCliQ-v1 of each pair.

    Raises:
        MetricUnavailable: When one of the three models is not on this machine, or is not whole.
    """
    radgraph = corpus.once(radgraph_rewards, lambda: radgraph_rewards(corpus))
    cosines = corpus.once(chexbert_cosines, lambda: chexbert_cosines(corpus))
    scores = [radgraph[:, Rewards._fields.index("combined")], _bertscore(corpus), cosines[:, 0]]
    return composite(np.stack(scores, axis=1))[:, None]


def _bertscore(corpus: Corpus) -> FloatArray:
    sides = [[_BLANKS.sub(" ", text) for text in side]
             for side in (corpus.references, corpus.generated)]  # fmt: skip
    with reading():
        from cxrbench.readers.bert_score import BertScore  # it imports torch

        return BertScore.load("bertscore-distilroberta").compare(*sides)[:, 2]


_READERS = ("radgraph", "bertscore-distilroberta", "chexbert")
_SOURCE = "Yu et al. 2023, CXR-Report-Metric; constants as in RadEval 2.2.1"
METRICS = (
    PairMean(
        id="radcliq-v1",
        summary="RadCliQ-v1, mean over reports: errors foretold from RadGraph, BERTScore and "
        "CheXbert; lower is better.",
        formula="mean of a weighted sum of the three standardised scores",
        source=_SOURCE,
        range=(-1.45, 24.0),
        unit="standardised errors",
        higher_is_better=False,
        averaging="micro",
        readers=_READERS,
        values=radcliq,
    ),
    PairMean(
        id="radcliq-v1-inverse",
        summary="1 over the mean RadCliQ-v1 of the reports, as ReXrank prints it.",
        formula="1 / radcliq-v1; undefined where that is not above 0",
        source=_SOURCE,
        range=(0.0, float("inf")),
        unit="1 / standardised errors",
        averaging="micro",
        readers=_READERS,
        values=radcliq,
        inverse=True,
    ),
)
