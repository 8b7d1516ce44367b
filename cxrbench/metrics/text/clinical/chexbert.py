"""F1 of CheXbert (Smit et al. 2020): do both reports have the same observations?

Both texts are labelled by CheXbert; then an observation is there or not, report by report. By
default uncertain counts as there (positive = positive or uncertain), as the packages `f1chexbert`
and `RadEval` have it and hence most published numbers; `-uncertain-absent` counts certain mentions
alone. Blank and negative are always absent.

14 are all observations, 5 are Cardiomegaly, Edema, Consolidation, Atelectasis and Pleural Effusion.
The means are those of scikit-learn's `classification_report`, in which a quotient by 0 is 0:

- `micro`: counts of all observations and reports together.
- `macro`: the mean over observations. One that neither side ever has is 0 there and lowers the
  mean, as in the published numbers; hence few reports have a lower macro F1 than many.
- `samples`: the mean over reports of each report's own value ("example-based" elsewhere). A report
  in which neither side has an observation is 0.
- `exact`: the share of reports with all observations equal, what `f1chexbert` calls accuracy.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import BaseMetric, Counted, MetricUnavailable
from cxrbench.metrics.ranking import FloatArray, ratio
from cxrbench.metrics.text.clinical.available import reading
from cxrbench.metrics.text.inputs import Corpus, TextInput
from cxrbench.metrics.weights import sample_weights
from cxrbench.readers import find_reader
from cxrbench.readers.observations import OBSERVATIONS, POSITIVE, UNCERTAIN

FIVE = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
Mean = Literal["micro", "macro", "samples"]
Quotient = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True)
class ChexbertMetric(BaseMetric[TextInput]):
    """What all of them share: the observations of both texts.

    Attributes:
        observations: Which of them count.
        states: Classes of CheXbert that count as there.
    """

    observations: tuple[str, ...]
    states: tuple[int, ...]

    @property
    def input_type(self) -> type[TextInput]:
        """References and generated texts."""
        return TextInput

    def floor(self, data: TextInput) -> float:
        """The most frequent reference given to every image; also where it is not the best."""
        return float(self.aggregate(self.per_class(data.constant))[0])

    def per_sample(self, data: TextInput) -> FloatArray | None:
        """(N,) value of each report; None for a macro mean, and where CheXbert is not here.

        Of `micro` it is 1 where neither text has an observation, since they agree; of the others
        it is what the mean is made of.
        """
        try:
            return self.of_reports(data)
        except MetricUnavailable:
            return None

    @abstractmethod
    def of_reports(self, data: TextInput) -> FloatArray | None:
        """See `per_sample`."""

    def counted(self, data: TextInput) -> Counted:
        """All reports, for each observation."""
        return Counted(data.n, dict.fromkeys(self.class_names, data.n))

    def there(self, data: TextInput) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(N, C) whether each reference, and each generated report, has each observation.

        Raises:
            MetricUnavailable: When CheXbert is not on this machine, or is not whole.
        """
        columns = [OBSERVATIONS.index(name) for name in self.observations]
        found = data.once("chexbert", _both)
        left, right = (np.isin(found[:, side][:, columns], self.states) for side in (0, 1))
        return left, right


@dataclass(frozen=True, kw_only=True)
class ChexbertShare(ChexbertMetric):
    """Precision, recall or F1.

    Attributes:
        mean: Over what.
        value: Counts in both texts, in the reference, and in the generated report to the value.
    """

    mean: Mean
    value: Quotient

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, C) value of each observation, or (R, 1)."""
        drawn = sample_weights(weights, len(data))
        if self.mean == "samples":
            return ratio(drawn @ self._of_each(data), drawn.sum(axis=1))[:, None]
        sums = [drawn @ part for part in self._counts(data)]
        if self.mean == "micro":
            sums = [part.sum(axis=1, keepdims=True) for part in sums]
        return self._zero(*sums)

    def of_reports(self, data: TextInput) -> FloatArray | None:
        """See `per_sample`."""
        if self.mean == "macro":
            return None
        values = self._of_each(data)
        if self.mean == "micro":
            nothing = sum(part.sum(axis=1) for part in self._counts(data)[1:]) == 0
            return np.where(nothing, 1.0, values)
        return values

    def _counts(self, data: TextInput) -> list[FloatArray]:
        """(N, C) observations in both texts, in the reference, and in the generated report."""
        ours, theirs = self.there(data)
        return [part.astype(np.float64) for part in (ours & theirs, ours, theirs)]

    def _of_each(self, data: TextInput) -> FloatArray:
        return self._zero(*(part.sum(axis=1) for part in self._counts(data)))

    def _zero(self, both: FloatArray, ours: FloatArray, theirs: FloatArray) -> FloatArray:
        values: FloatArray = self.value(both, ours, theirs)
        values[np.isnan(values)] = 0.0
        return values


@dataclass(frozen=True, kw_only=True)
class ChexbertExact(ChexbertMetric):
    """The share of reports with all observations equal."""

    def per_class(self, data: TextInput, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, 1) weighted mean."""
        drawn = sample_weights(weights, len(data))
        return ratio(drawn @ self._equal(data), drawn.sum(axis=1))[:, None]

    def of_reports(self, data: TextInput) -> FloatArray | None:
        """1 where all observations are equal, else 0."""
        return self._equal(data)

    def _equal(self, data: TextInput) -> FloatArray:
        ours, theirs = self.there(data)
        return np.asarray((ours == theirs).all(axis=1), np.float64)


def _both(corpus: Corpus) -> FloatArray:
    """(N, 2, 14) classes of the observations of references and generated reports."""
    sides = (corpus.references, corpus.generated)
    return np.stack([_labels(side) for side in sides], axis=1).astype(np.float64)


def _labels(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(N, 14) classes of the observations."""
    with reading():
        found = find_reader("chexbert")
        from cxrbench.readers.chexbert import CheXbert  # it imports torch

        return CheXbert.load(found).label(texts)


_VALUES: dict[str, tuple[str, str, Quotient]] = {
    "f1": ("F1", "2 both / (reference + generated)", lambda b, o, t: ratio(2 * b, o + t)),
    "precision": ("Precision", "both / generated", lambda b, o, t: ratio(b, t)),
    "recall": ("Recall", "both / reference", lambda b, o, t: ratio(b, o)),
}
_MEANS: dict[Mean, tuple[str, str]] = {
    "micro": ("of all observations pooled", "of counts summed over reports and observations"),
    "macro": ("mean over observations", "of counts summed over reports, mean over observations"),
    "samples": ("mean over reports", "of each report's counts, mean over reports"),
}
_POLICIES = {
    "": (" (uncertain counts as positive)", (POSITIVE, UNCERTAIN)),
    "-uncertain-absent": (" (uncertain counts as absent)", (POSITIVE,)),
}
_SOURCE = "Smit et al. 2020; scikit-learn classification_report with zero_division=0"


def _make() -> list[ChexbertMetric]:
    found: list[ChexbertMetric] = []
    for policy, observations in product(_POLICIES, (OBSERVATIONS, FIVE)):
        said, states = _POLICIES[policy]
        n = len(observations)
        for name, mean in product(_VALUES, _MEANS):
            title, formula, value = _VALUES[name]
            over, summed = _MEANS[mean]
            found.append(
                ChexbertShare(
                    id=f"chexbert-{name}-{n}-{mean}{policy}",
                    summary=f"{title} of the {n} observations of CheXbert, {over}{said}.",
                    formula=f"{formula} {summed}; 0 where nothing is divided by",
                    source=_SOURCE,
                    averaging="macro" if mean == "macro" else "micro",
                    class_names=observations if mean == "macro" else (),
                    readers=("chexbert",),
                    observations=observations,
                    states=states,
                    mean=mean,
                    value=value,
                )
            )
        found.append(
            ChexbertExact(
                id=f"chexbert-accuracy-{n}-exact{policy}",
                summary=f"Share of reports with all {n} observations of CheXbert equal{said}.",
                formula="mean over reports of 1 where all are equal, else 0",
                source="Smit et al. 2020; `accuracy` of the package f1chexbert, of 5 observations",
                averaging="micro",
                readers=("chexbert",),
                observations=observations,
                states=states,
            )
        )
    return found


METRICS = tuple(_make())
