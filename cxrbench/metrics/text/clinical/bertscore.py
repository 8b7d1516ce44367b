"""BERTScore of reports (Zhang et al. 2020), on the fifth layer of DistilBERT, rescaled.

See `cxrbench.readers.bert_score` for the formula. Rescaled values are about 0 for unrelated
sentences and 1 for equal ones; an empty report has -2.0.
"""

from __future__ import annotations

from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.clinical.pairs import PairMean
from cxrbench.metrics.text.inputs import Corpus


def distilbert_scores(corpus: Corpus) -> FloatArray:
    """(N, 3) precision, recall and F1 of each pair.

    Raises:
        MetricUnavailable: When DistilBERT is not on this machine, or is not whole.
    """
    with reading():
        from cxrbench.readers.bert_score import BertScore  # it imports torch

        model = BertScore.load("bertscore-distilbert")
        return model.compare(corpus.references, corpus.generated)


METRICS = tuple(
    PairMean(
        id=f"bertscore-{name}-distilbert-l5-rescaled",
        summary=f"{title} of BERTScore (distilbert-base-uncased, layer 5, rescaled, no idf), mean "
        "over reports.",
        formula=f"mean of (x - b) / (1 - b), x the {over}, b that of unrelated sentences",
        source="Zhang et al. 2020; bert-score 0.3.13",
        range=(-5.0, 1.0),
        unit="rescaled cosine",
        averaging="micro",
        readers=("bertscore-distilbert",),
        values=distilbert_scores,
        column=column,
    )
    for column, (name, title, over) in enumerate(
        (
            ("precision", "Precision", "mean best cosine of the tokens of the generated report"),
            ("recall", "Recall", "mean best cosine of the tokens of the reference"),
            ("f1", "F1", "harmonic mean of precision and recall"),
        )
    )
)
