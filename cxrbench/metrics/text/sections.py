"""Structured reports compared section by section (StructEval of Delbrouck et al. 2025).

Each header that stands in the reference or in the generated report is one comparison: of what
stands below it in both, or 0 where one of them lacks it. Hence a section that was made up costs as
much as one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from cxrbench.errors import BadRequest
from cxrbench.metrics.base import BaseMetric, MetricUnavailable
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.bleu import bleu, bleu_counts
from cxrbench.metrics.text.ids import PRESETS
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.text.ngrams import count_ngrams
from cxrbench.metrics.text.prepare import prepare
from cxrbench.metrics.text.rouge import rouge_l
from cxrbench.metrics.weights import sample_weights
from cxrbench.reports.structured import HEADERS, StructuredReport, parse_structured


@dataclass(frozen=True, eq=False)
class StructuredInput(TextInput):
    """Pairs of structured reports; metrics of whole texts can be computed from them as well."""

    @property
    def names(self) -> Sequence[str]:
        """The headers."""
        return HEADERS

    @property
    def n_by_name(self) -> dict[str, int]:
        """Pairs in which either report has the header."""
        compared = self.parsed.compared[self.rows].sum(axis=0)
        return dict(zip(HEADERS, compared.tolist(), strict=True))

    @cached_property
    def parsed(self) -> ParsedPairs:
        """All pairs of the corpus, taken apart once.

        Raises:
            BadRequest: When no reference has a known header.
        """
        return _parsed(self.corpus)


@dataclass(frozen=True, eq=False)
class ParsedPairs:
    """N pairs of structured reports.

    Attributes:
        references: N reports.
        generated: N reports.
        compared: (N, 8) where either of a pair has the header.
        in_both: (N, 8) where both have it.
        strange: (N,) headers of either that are none of the eight.
    """

    references: Sequence[StructuredReport]
    generated: Sequence[StructuredReport]
    compared: npt.NDArray[np.bool_]
    in_both: npt.NDArray[np.bool_]
    strange: FloatArray

    def texts(self) -> tuple[list[str], list[str]]:
        """What stands below the headers that both have, pair by pair, in the order of `in_both`."""
        where = np.argwhere(self.in_both)
        sides = (self.references, self.generated)
        left, right = ([side[row].text(HEADERS[c]) for row, c in where] for side in sides)
        return left, right


def _parsed(corpus: Corpus) -> ParsedPairs:
    return corpus.once("parsed", lambda: _parse(corpus))


def _parse(corpus: Corpus) -> ParsedPairs:
    references = [parse_structured(text) for text in corpus.references]
    generated = [parse_structured(text) for text in corpus.generated]
    has = [
        np.array([[header in report.sections for header in HEADERS] for report in side])
        for side in (references, generated)
    ]
    if not has[0].any():
        raise BadRequest(
            "the references are not structured reports",
            why=f"none of {len(references)} has a header such as {HEADERS[0]}:",
            fix="ask for metrics of whole texts (--metrics lexical)",
        )
    strange = [
        len({name.casefold() for name in (*ours.unknown, *theirs.unknown)})
        for ours, theirs in zip(references, generated, strict=True)
    ]
    return ParsedPairs(
        references, generated, has[0] | has[1], has[0] & has[1], np.array(strange, np.float64)
    )


@dataclass(frozen=True, kw_only=True)
class SectionMetric(BaseMetric[StructuredInput]):
    """A metric of texts, computed for each section of each pair.

    Attributes:
        name: What the values of a preset are kept under.
        preset: See `cxrbench.metrics.text.prepare`.
        compare: References and generated sections to values.
    """

    name: str
    preset: str
    compare: Callable[[Sequence[str], Sequence[str]], FloatArray]

    @property
    def input_type(self) -> type[StructuredInput]:
        """Structured reports."""
        return StructuredInput

    def per_class(self, data: StructuredInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 8) mean over pairs of each section, or (R, 1) over all sections of all pairs."""
        values, counted = self._sums(data)
        drawn = sample_weights(weights, len(data))
        return ratio(drawn @ values, drawn @ counted)

    def floor(self, data: StructuredInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.aggregate(self.per_class(data.constant))[0])

    def per_sample(self, data: StructuredInput) -> FloatArray | None:
        """(N,) mean over the sections of each pair; None where it cannot be computed here."""
        try:
            values, counted = self._sums(data)
        except MetricUnavailable:
            return None
        return ratio(values.sum(axis=1), counted.sum(axis=1))

    def _sums(self, data: StructuredInput) -> tuple[FloatArray, FloatArray]:
        """(N, C) sums of values, and over how many comparisons."""
        values = data.once((self.name, self.preset), lambda corpus: self._values(_parsed(corpus)))
        counted = data.once("compared", lambda corpus: _parsed(corpus).compared.astype(np.float64))
        if self.averaging == "macro":
            return values, counted
        strange = data.once("strange", lambda corpus: _parsed(corpus).strange)[:, None]
        return values.sum(axis=1, keepdims=True), counted.sum(axis=1, keepdims=True) + strange

    def _values(self, parsed: ParsedPairs) -> FloatArray:
        """(N, 8) values; 0 where only one of the pair has the section, or neither."""
        values = np.zeros(parsed.in_both.shape)
        left, right = (prepare(side, self.preset) for side in parsed.texts())
        if left:
            values[parsed.in_both] = self.compare(left, right)
        return values


def _bleu4(references: Sequence[str], generated: Sequence[str]) -> FloatArray:
    return bleu(bleu_counts(count_ngrams(references, generated)), 4)


_SOURCE = "StructEval (Delbrouck et al. 2025) for what is compared; {} of pycocoevalcap 1.2"
METRICS = tuple(
    SectionMetric(
        id=f"{name}-{mean}-{preset}",
        summary=f"{title} of each section of structured reports ({preset}), "
        + ("mean over the eight sections." if macro else "mean over all sections of all reports."),
        formula="mean over sections of their mean over reports"
        if macro
        else "sum over reports and"
        " sections / number of sections in either report, unknown headers included",
        source=_SOURCE.format(title),
        averaging="macro" if macro else "micro",
        name=name,
        preset=preset,
        compare=compare,
    )
    for preset, (name, title, compare), (mean, macro) in product(
        PRESETS,
        (("bleu4-sections", "BLEU-4", _bleu4), ("rouge-l-sections", "ROUGE-L", rouge_l)),
        (("by-section", True), ("pooled", False)),
    )
)
