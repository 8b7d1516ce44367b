"""Clinical keyword recall: how many of the clinical words of the reference were written as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.ids import KEYWORD_RECALL
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.weights import sample_weights
from cxrbench.reports.findings.keywords import keywords


@dataclass(frozen=True, kw_only=True)
class KeywordRecall(BaseMetric[TextInput]):
    """Mean over reports of |K(reference) and K(generated)| / |K(reference)|.

    K(text) is the set of clinical keywords of a text (`cxrbench.reports.findings.keywords`): its
    findings, stated or hedged but not denied, and the regions, sides and degrees of a curated
    dictionary that no denial reaches. Each keyword counts once, however often and in whatever words
    it is said. That both texts join the words in the same way is not asked: it is a recall of
    words, which a text that holds every word would have in full. Reports without a keyword in the
    reference are left out, also of n. The dictionary is our own, so that values compare with no
    published ones.
    """

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts."""
        return TextInput

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1) weighted mean; NaN where no reference with a keyword is drawn."""
        values, drawn = self.per_sample(data), sample_weights(weights, len(data))
        known = ~np.isnan(values)
        top = drawn @ np.where(known, values, 0.0)
        return ratio(top, drawn @ known.astype(np.float64))[:, None]

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.per_class(data.constant)[0, 0])

    def per_sample(self, data: TextInput) -> FloatArray:
        """(N,) recall of each report; NaN where the reference has no keyword."""
        return data.once("keyword recall", _recalls)


def _recalls(corpus: Corpus) -> FloatArray:
    counts = np.zeros((len(corpus.references), 2))
    for row, ours, theirs in zip(counts, corpus.references, corpus.generated, strict=True):
        wanted = keywords(ours)
        row[:] = len(wanted & keywords(theirs)), len(wanted)
    return ratio(counts[:, 0], counts[:, 1])


METRICS = (
    KeywordRecall(
        id=KEYWORD_RECALL,
        summary="Share of the clinical keywords of the reference (findings that are not denied, "
        "regions, sides, degrees) that the generated text has too, mean over reports.",
        formula="mean over reports of |K(reference) and K(generated)| / |K(reference)|",
        source="the idea of clinical keyword recall (arXiv 2508.13068); dictionary of our own",
        averaging="micro",
    ),
)
