"""Lexical metrics of reports: BLEU, METEOR, ROUGE-L and CIDEr, equal to pycocoevalcap 1.2."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric, MetricUnavailable
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.bleu import bleu, bleu_counts
from cxrbench.metrics.text.cider import cider
from cxrbench.metrics.text.ids import LEXICAL_IDS, LexicalId, parse_lexical
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.text.meteor import meteor, meteor_counts
from cxrbench.metrics.text.ngrams import NGrams, count_ngrams
from cxrbench.metrics.text.rouge import rouge_l
from cxrbench.metrics.weights import sample_weights


@dataclass(frozen=True, kw_only=True)
class TextMetric(BaseMetric[TextInput]):
    """A metric of texts that is computed from numbers of each pair.

    Attributes:
        told: What its id says.
    """

    told: LexicalId

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts."""
        return TextInput

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.per_class(data.constant)[0, 0])

    def per_sample(self, data: TextInput) -> FloatArray | None:
        """Value of each pair; None where the metric cannot be computed on this machine."""
        try:
            return self._of_pairs(data)
        except MetricUnavailable:
            return None

    @abstractmethod
    def _of_pairs(self, data: TextInput) -> FloatArray:
        """(N,) value of each pair."""

    def _weights(self, data: TextInput, weights: npt.ArrayLike | None) -> FloatArray:
        given = sample_weights(weights, len(data))
        return given * data.share if self.told.unique else given


@dataclass(frozen=True, kw_only=True)
class CountedMetric(TextMetric):
    """A function of counts that are added up over pairs.

    Attributes:
        count: Corpus to (N, K) counts.
        value: (R, K) counts to (R,) values.
        counts: What is counted; metrics of the same counts share them.
    """

    count: Callable[[Corpus, LexicalId], FloatArray]
    value: Callable[[FloatArray], FloatArray]
    counts: str

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1) value of the weighted sum of the counts; NaN where no pair is drawn."""
        drawn = self._weights(data, weights)
        values = self.value(drawn @ self._counts(data))
        return np.where(drawn.any(axis=1), values, np.nan)[:, None]

    def _of_pairs(self, data: TextInput) -> FloatArray:
        return self.value(self._counts(data))

    def _counts(self, data: TextInput) -> FloatArray:
        key = (self.counts, self.told.preset, self.told.cut)
        return data.once(key, lambda corpus: self.count(corpus, self.told))


@dataclass(frozen=True, kw_only=True)
class MeanMetric(TextMetric):
    """A mean of values of pairs.

    Attributes:
        values: Corpus to (N,) values.
    """

    values: Callable[[Corpus, LexicalId], FloatArray]

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1) weighted mean; NaN where no pair is drawn."""
        values = self._of_pairs(data)
        if weights is None and not self.told.unique:
            return np.array([[np.mean(values)]])  # summed in the order of the reference
        drawn = self._weights(data, weights)
        return ratio(drawn @ values, drawn.sum(axis=1))[:, None]

    def _of_pairs(self, data: TextInput) -> FloatArray:
        return data.once(self.told, lambda corpus: self.values(corpus, self.told))


def _ngrams(corpus: Corpus, told: LexicalId) -> NGrams:
    key = ("n-grams", told.preset, told.cut)
    return corpus.once(key, lambda: count_ngrams(*corpus.prepared(told.preset, told.cut)))


def _bleu_counts(corpus: Corpus, told: LexicalId) -> FloatArray:
    return bleu_counts(_ngrams(corpus, told))


def _meteor_counts(corpus: Corpus, told: LexicalId) -> FloatArray:
    return meteor_counts(*corpus.prepared(told.preset, told.cut))


def _rouge_l(corpus: Corpus, told: LexicalId) -> FloatArray:
    return rouge_l(*corpus.prepared(told.preset, told.cut))


def _cider(corpus: Corpus, told: LexicalId) -> FloatArray:
    return cider(_ngrams(corpus, told), corpus.first_of_reference if told.unique else None)


_PRESETS = {
    "coco-dotspace": "a blank before every full stop, case and commas kept",
    "ptb-lower": "PTB tokens in lower case without punctuation",
    "raw": "words as blanks divide them",
}


def _said(told: LexicalId) -> str:
    """What is done to the texts, in words."""
    said = _PRESETS[told.preset]
    if told.cut:
        said += f"; references cut to {told.cut.length} {told.cut.unit}"
    return said + ("; every distinct reference counts once" if told.unique else "")


def make(told: LexicalId) -> TextMetric:
    """The metric that an id tells of."""
    said = _said(told)
    if told.name == "meteor":
        return CountedMetric(
            id=str(told),
            told=told,
            summary=f"METEOR 1.5 for English, of the corpus ({said}).",
            formula="F (1 - 0.6 (chunks / matches)^0.2), F = P R / (0.85 P + 0.15 R), of counts "
            "summed over reports",
            source="Denkowski and Lavie 2014; its Java program in pycocoevalcap 1.2",
            averaging="micro",
            count=_meteor_counts,
            value=meteor,
            counts="meteor",
        )
    if told.name == "rouge-l":
        return MeanMetric(
            id=str(told),
            told=told,
            summary=f"ROUGE-L with beta 1.2, mean over reports ({said}).",
            formula="mean (1 + b^2) P R / (R + b^2 P), P and R of the longest common subsequence",
            source="Lin 2004; Rouge of pycocoevalcap 1.2. Not Google's rouge-score, which stems",
            averaging="micro",
            values=_rouge_l,
        )
    if told.name == "cider":
        return MeanMetric(
            id=str(told),
            told=told,
            summary=f"CIDEr, mean over reports, rareness counted in this very file ({said}).",
            formula="10 mean_n cos of tf-idf of n-grams, clipped, exp(-(length gap)^2 / 72)",
            source="Vedantam et al. 2015; Cider of pycocoevalcap 1.2",
            range=(0.0, 10.0),
            unit="tenths of a cosine",
            averaging="micro",
            values=_cider,
        )
    order = int(told.name.removeprefix("bleu"))
    return CountedMetric(
        id=str(told),
        told=told,
        summary=f"BLEU up to {order}-grams, of the corpus ({said}).",
        formula="exp(min(0, 1 - r/c)) (prod_n matched_n / made_n)^(1/N), of counts summed over "
        "reports",
        source="Papineni et al. 2002; Bleu of pycocoevalcap 1.2, closest reference length",
        averaging="micro",
        count=_bleu_counts,
        value=lambda counts: bleu(counts, order),
        counts="bleu",
    )


METRICS = tuple(
    make(told) for told in (parse_lexical(name) for name in LEXICAL_IDS) if told is not None
)
