"""Finding-level agreement of reports, as the rule reader reads them.

Both texts are read by `cxrbench.reports.findings`, which says for 14 findings whether a report
states them. A finding counts as positive where it is stated or hedged: uncertain counts as
present, as in the F1 that is mostly computed with CheXbert. The reader is one of rules, for tests,
phantoms and quick checks; its numbers compare with no published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric, Counted
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.weights import sample_weights
from cxrbench.reports.findings import FINDINGS, statuses

BoolArray = npt.NDArray[np.bool_]


def positives(texts: tuple[str, ...]) -> BoolArray:
    """(N, 14) whether each text states or hedges each of `FINDINGS`."""
    told = [statuses(text) for text in texts]
    return np.array([[one.get(name, "absent") != "absent" for name in FINDINGS] for one in told])


def _outcomes(corpus: Corpus) -> FloatArray:
    """(N, 3, 14) findings in both texts, in the generated text alone, in the reference alone."""
    ours, theirs = positives(corpus.references), positives(corpus.generated)
    parts = (ours & theirs, theirs & ~ours, ours & ~theirs)
    return np.stack(parts, axis=1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class FindingMetric(BaseMetric[TextInput]):
    """A share of findings that agree, from counts added up over reports.

    Macro: the mean over the findings that either text of any report has. One that neither side has
    is left out, since there is nothing to agree on, and 0 (as scikit-learn gives) would punish a
    model for findings that the test set lacks; one that is only made up has 0.

    Attributes:
        added: Weight of what only the generated text has, in the denominator.
        missed: Weight of what only the reference has.
        findings: How many of `FINDINGS` count, from the first.
    """

    added: float
    missed: float
    findings: int = len(FINDINGS)

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts."""
        return TextInput

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, C) value of each finding, or (R, 1) of all; NaN where there is none to agree on."""
        drawn = sample_weights(weights, len(data))
        sums = [drawn @ part for part in self._of(data)]
        if self.averaging == "micro":
            sums = [part.sum(axis=1, keepdims=True) for part in sums]
        return self._value(*sums)

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.aggregate(self.per_class(data.constant))[0])

    def per_sample(self, data: TextInput) -> FloatArray | None:
        """(N,) value of each report; 1 where neither text has a finding; None for a macro mean.

        NaN for precision where only the generated text has none, for recall where only the
        reference has none.
        """
        if self.averaging == "macro":
            return None
        sums = [part.sum(axis=1) for part in self._of(data)]
        return np.where(np.sum(sums, axis=0) == 0, 1.0, self._value(*sums))

    def counted(self, data: TextInput) -> Counted:
        """All reports, since counts are added up; by name, those in which either text has it."""
        has = np.sum(self._of(data), axis=(0, 1))
        names = self.class_names
        return Counted(data.n, {name: int(n) for name, n in zip(names, has, strict=False)})

    def _of(self, data: TextInput) -> list[FloatArray]:
        found = data.once("finding outcomes", _outcomes)
        return [found[:, part, : self.findings] for part in range(found.shape[1])]

    def _value(self, both: FloatArray, added: FloatArray, missed: FloatArray) -> FloatArray:
        return ratio(both, both + self.added * added + self.missed * missed)


_SOURCE = (
    "the findings of CheXpert (Irvin et al. 2019), read by rules of our own; van Rijsbergen 1979"
)
_SAID = "{} of {} findings, read by rules; uncertain counts as present."


def _pooled(name: str, summary: str, formula: str, added: float, missed: float) -> FindingMetric:
    """A metric of the counts of all findings together; how many is told by the end of its name."""
    findings = int(name[-2:])
    return FindingMetric(
        id=f"findings-{name}",
        summary=_SAID.format(summary, findings),
        formula=formula + ", summed over reports and findings",
        source=_SOURCE,
        averaging="micro",
        added=added,
        missed=missed,
        findings=findings,
    )


_F1 = "2 both / (2 both + added + missed)"
_PRECISION, _RECALL = "both / (both + added)", "both / (both + missed)"
METRICS = (
    _pooled("f1-micro-rules14", "F1 with the counts pooled", _F1, 0.5, 0.5),
    FindingMetric(
        id="findings-f1-macro-rules14",
        summary=_SAID.format("F1, mean over those that either side has,", 14),
        formula="mean over findings of " + _F1 + ", summed over reports",
        source=_SOURCE,
        class_names=FINDINGS,
        added=0.5,
        missed=0.5,
    ),
    _pooled(
        "precision-micro-rules14", "Share of what was generated that is true,", _PRECISION, 1, 0
    ),
    _pooled("recall-micro-rules14", "Share of the reference that was generated,", _RECALL, 0, 1),
    _pooled("f1-micro-rules13", "F1, No Finding left out, with the counts pooled", _F1, 0.5, 0.5),
)
