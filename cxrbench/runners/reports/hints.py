"""What a prompt tells of an image besides its pixels: a similar case and predicted findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import SPLITS, SplitName
from cxrbench.errors import BadRequest
from cxrbench.runners.reports.batches import Hints
from cxrbench.runners.reports.recipe import LanguageModel
from cxrbench.runners.reports.similar import nearest_images
from cxrbench.runners.reports.targets import Reports
from cxrbench.training.logistic import Standardiser, fit_logistic

SIMILAR, DISEASES = "similar_report", "diseases"
"""Fields of a prompt."""
_NOTHING = "No Finding"
_C = 0.1
"""Inverse strength of the classifier's regularisation; it is no part of what is compared."""

_FOLDS = 5

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """Reports of all splits with the pooled features of their images.

    Attributes:
        reports: By split.
        store: A row for each image.
        labels: Names of the columns of labels.
        device: Where distances are computed.
    """

    reports: Mapping[SplitName, Reports]
    store: RowStore
    labels: tuple[str, ...]
    device: str

    def similar(self, name: SplitName) -> list[str]:
        """For each report of a split that of the nearest training image of another study."""
        train = self.reports["train"]
        rows = nearest_images(self.store, self.reports[name].split, train.split, self.device)
        return ["" if row < 0 else train.texts[row] for row in rows]

    def diseases(self) -> dict[SplitName, list[str]]:
        """The names of what a linear classifier of the training labels finds in each image.

        Training images are judged by classifiers of other patients, as val and test images are, so
        that a prompt is as reliable in training as later.
        """
        train, split = self._features("train"), self.reports["train"].split
        patients = [sample.patient for sample in split.samples]
        folds = min(_FOLDS, len(set(patients)))
        own = np.zeros(split.labels.shape)
        for fit, judged in GroupKFold(folds).split(train, groups=patients):
            own[judged] = _classifier(train[fit], split.labels[fit])(train[judged])
        every = _classifier(train, split.labels)
        judged_by = {"val": every(self._features("val")), "test": every(self._features("test"))}
        names = np.array(self.labels)
        found: dict[SplitName, list[str]] = {}
        for name in SPLITS:
            present = (own if name == "train" else judged_by[name]) >= 0.5
            told = (names[row & (names != _NOTHING)] for row in present)
            found[name] = [", ".join(each) for each in told]
        return found

    def _features(self, name: SplitName) -> Array:
        rows: Array = self.store.stack(self.reports[name].split.ids).astype(np.float64)
        return rows


def _classifier(features: Array, labels: npt.NDArray[np.float32]) -> Callable[[Array], Array]:
    """N×D features to N×C probabilities."""
    standardise = Standardiser.fit(features)
    model = fit_logistic(standardise(features), labels, _C)
    return lambda others: model.probabilities(standardise(others))


def check_labels(wanted: LanguageModel, labels: Sequence[str]) -> None:
    """Refuse predicted findings where there is nothing to learn them from.

    Raises:
        BadRequest: When the data set tells no labels.
    """
    if wanted.diseases and not labels:
        raise BadRequest(
            "no findings can be predicted for the prompts",
            why="the data set has no labels to learn them from",
            fix="say `diseases: false` in the protocol",
        )


def hints_of(cases: Cases, wanted: LanguageModel) -> dict[SplitName, Sequence[Hints]]:
    """The hints of every split, in the order of its reports."""
    diseases = cases.diseases() if wanted.diseases else {}
    found: dict[SplitName, Sequence[Hints]] = {}
    for name in SPLITS:
        own: list[dict[str, str]] = [{} for _ in cases.reports[name].texts]
        told = {SIMILAR: cases.similar(name)} if wanted.similar_case else {}
        told |= {DISEASES: diseases[name]} if diseases else {}
        for field, texts in told.items():
            for hints, text in zip(own, texts, strict=True):
                hints[field] = text
        found[name] = own
    return found
