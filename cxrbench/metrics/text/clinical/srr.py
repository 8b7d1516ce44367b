"""F1-SRR: SRR-BERT's findings of structured reports, section by section (Delbrouck et al. 2025).

Each header that stands in either report with at least one bullet is one comparison, 0 where one of
them lacks it; headers that are none of the eight are passed over, as StructEval passes over them.
Where both have it, SRR-BERT labels each bullet of both, and precision, recall and F1 are taken of
the labels (55 of them, No Finding included; a quotient by 0 is 0):

- `sections`: a section has the labels that any of its bullets has (StructEval's `aligned=False`).
- `utterances`: the first bullet of one is compared with the first of the other, and so on;
  surplus generated bullets are dropped, missing ones are taken for "No findings", and the section
  has the mean over the bullets of the reference (StructEval's default, `aligned=True`).

Then `pooled` is the mean over all sections of all reports (StructEval's overall average), and
`by-section` the mean over headers of their means over reports.

Checked against the public code of StructEval: the above, the threshold, the text of missing
bullets. Not known: which of the two the paper's tables show. Differences: a bullet that goes on
over several lines is one bullet here, headers are known in any case, and glued text is taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cxrbench.errors import BadRequest
from cxrbench.metrics.base import BaseMetric, Counted, MetricUnavailable
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.text.sections import ParsedPairs, StructuredInput
from cxrbench.metrics.weights import sample_weights
from cxrbench.readers import find_reader
from cxrbench.reports.structured import HEADERS, StructuredReport

Unit = Literal["sections", "utterances"]
_PARTS = ("f1", "precision", "recall")
_MISSING = "No findings"
"""What StructEval writes for a generated bullet that is not there."""


class Compared(NamedTuple):
    """Of N pairs of reports.

    Attributes:
        values: (N, 8, 3) F1, precision and recall of each section; 0 where one lacks it.
        counted: (N, 8) 1 where either has the section.
    """

    values: FloatArray
    counted: FloatArray


@dataclass(frozen=True, kw_only=True)
class SrrMetric(BaseMetric[TextInput]):
    """F1, precision or recall of what SRR-BERT reads.

    Attributes:
        part: Position in `f1, precision, recall`.
        unit: See the module.
    """

    part: int
    unit: Unit

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts, which have to be structured."""
        return TextInput

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 8) mean over pairs of each section, or (R, 1) over all sections of all pairs."""
        values, counted = self._of(data)
        if self.averaging == "micro":
            values, counted = (part.sum(axis=1, keepdims=True) for part in (values, counted))
        drawn = sample_weights(weights, len(data))
        return ratio(drawn @ values, drawn @ counted)

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.aggregate(self.per_class(data.constant))[0])

    def per_sample(self, data: TextInput) -> FloatArray | None:
        """(N,) mean over the sections of each pair, NaN where neither text has one.

        None where the metric cannot be computed here.
        """
        try:
            values, counted = self._of(data)
        except MetricUnavailable:
            return None
        return ratio(values.sum(axis=1), counted.sum(axis=1))

    def counted(self, data: TextInput) -> Counted:
        """Pairs in which either text has a section, and has the section of that name."""
        counted = self._of(data)[1] > 0
        by_name = zip(self.class_names, counted.sum(axis=0).tolist(), strict=False)
        return Counted(int(counted.any(axis=1).sum()), dict(by_name))

    def _of(self, data: TextInput) -> tuple[FloatArray, FloatArray]:
        """(N, 8) values, and (N, 8) 1 where there is a comparison."""
        values = data.once(("srr", self.unit), lambda corpus: _once(corpus, self.unit).values)
        counted = data.once(("srr counted", self.unit), lambda c: _once(c, self.unit).counted)
        return values[:, :, self.part], counted


def _once(corpus: Corpus, unit: Unit) -> Compared:
    return corpus.once(("srr compared", unit), lambda: _compare(corpus, unit))


def _compare(corpus: Corpus, unit: Unit) -> Compared:
    """Every section of every pair.

    Raises:
        MetricUnavailable: When the references are no structured reports, or SRR-BERT is not here.
    """
    every = StructuredInput(corpus, np.arange(len(corpus.references)))
    try:
        parsed = every.parsed
    except BadRequest as error:
        raise MetricUnavailable(error.what, why=error.why, fix=error.fix) from error
    has = np.array([[_has(ours), _has(theirs)] for ours, theirs in _pairs(parsed)])
    values = np.zeros((len(has), len(HEADERS), len(_PARTS)))
    left, right, cells = [], [], []
    for row, column in np.argwhere(has.all(axis=1)):
        ours, theirs = (
            list(side[row].sections[HEADERS[column]])
            for side in (parsed.references, parsed.generated)
        )
        if unit == "utterances":
            theirs = [*theirs, *[_MISSING] * (len(ours) - len(theirs))][: len(ours)]
        left.append(ours)
        right.append(theirs)
        cells.append((row, column))
    if cells:
        values[tuple(np.transpose(cells))] = _scores(left, right, unit)
    return Compared(values, np.asarray(has.any(axis=1), np.float64))


def _pairs(parsed: ParsedPairs) -> zip[tuple[StructuredReport, StructuredReport]]:
    return zip(parsed.references, parsed.generated, strict=True)


def _has(report: StructuredReport) -> list[bool]:
    return [bool(report.sections.get(header)) for header in HEADERS]


def _scores(left: list[list[str]], right: list[list[str]], unit: Unit) -> FloatArray:
    """(M, 3) F1, precision and recall of M pairs of sections, each a list of bullets."""
    ours, theirs = _labels(left), _labels(right)
    starts = [np.cumsum([0, *map(len, side[:-1])]) for side in (left, right)]
    if unit == "sections":
        return _prf(*map(np.logical_or.reduceat, (ours, theirs), starts))
    lengths = np.array([len(one) for one in left], np.float64)
    return np.add.reduceat(_prf(ours, theirs), starts[0]) / lengths[:, None]


def _prf(ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]) -> FloatArray:
    """(M, 3) F1, precision and recall of each row of labels."""
    both = (ours & theirs).sum(axis=1)
    own, other = ours.sum(axis=1), theirs.sum(axis=1)
    found = np.stack([ratio(2 * both, own + other), ratio(both, other), ratio(both, own)], axis=1)
    found[np.isnan(found)] = 0.0
    return found


def _labels(bullets: list[list[str]]) -> npt.NDArray[np.bool_]:
    """(all bullets, 55) labels."""
    with reading():
        found = find_reader("srr-bert-leaves")
        from cxrbench.readers.srr_bert import SrrBert  # it imports torch

        return SrrBert.load(found).label([text for one in bullets for text in one])


_UNITS: dict[Unit, str] = {
    "sections": "of the labels of whole sections",
    "utterances": "of bullets compared in their order",
}
_FORMULAS = ("2 both / (reference + generated)", "both / generated", "both / reference")
_TITLES = ("F1", "Precision", "Recall")
METRICS = tuple(
    SrrMetric(
        id=f"{_PARTS[part]}-srr-leaves-{unit}-{mean}",
        summary=f"{_TITLES[part]} of SRR-BERT's 55 labels, {_UNITS[unit]}, mean over "
        + ("all sections of all reports." if mean == "pooled" else "the eight sections."),
        formula=f"{_FORMULAS[part]} of the labels of a section, 0 where only one report has it; "
        + ("mean over all" if mean == "pooled" else "mean over sections of the mean over reports"),
        source="StructEval (Delbrouck et al. 2025) for what is compared and how; "
        + ("aligned=True" if unit == "utterances" else "aligned=False"),
        averaging="micro" if mean == "pooled" else "macro",
        class_names=() if mean == "pooled" else HEADERS,
        readers=("srr-bert-leaves",),
        part=part,
        unit=unit,
    )
    for unit, mean, part in product(_UNITS, ("pooled", "by-section"), range(len(_PARTS)))
)
