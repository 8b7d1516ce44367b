"""What the logits of a head mean: the loss they are trained with, and their probabilities.

A task with several labels has a logit for each. A task with one label has one logit too, or, where
the recipe says `two-logits`, one for absent and one for present.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cxrbench.data.samples import Split
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.training.losses import (
    bce,
    effective_number_weights,
    focal,
    two_class_cross_entropy,
    two_class_focal,
    weights_of_classes,
)


class Objective:
    """The recipe's loss, weighted by the class counts of the training split.

    Attributes:
        outputs: Logits that the head gives for an image.
    """

    def __init__(self, recipe: ClassificationRecipe, training: Split) -> None:
        """Prepare the loss of a recipe on a training split of N×C labels."""
        labels = training.labels.shape[1]
        self._one_label = labels == 1
        self._two_logits = recipe.two_logits(labels)
        self.outputs = 2 if self._two_logits else labels
        self._loss = recipe.loss
        self._weights: Tensor | None = None
        if recipe.loss.class_weights == "effective-number":
            counts = training.counts
            if self._one_label:
                # Of both classes: the weight of a lone label would always be 1.
                counts = np.append((training.labels == 0).sum(axis=0), counts)
            self._weights = effective_number_weights(counts, recipe.loss.beta)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of B×`outputs` logits against B×C labels: 1, 0 or NaN."""
        weights = None if self._weights is None else self._weights.to(logits.device)
        gamma = self._loss.gamma if self._loss.name == "focal" else 0.0
        if self._two_logits:
            if self._loss.name == "cross-entropy":
                return two_class_cross_entropy(logits, labels[:, 0])
            return two_class_focal(logits, labels[:, 0], gamma, weights)
        if self._one_label and weights is not None:
            weights = weights_of_classes(labels, weights)
        if self._loss.name == "focal":
            return focal(logits, labels, gamma, weights)
        return bce(logits, labels, weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        """B×C probabilities of present; above 0.5 where present has the higher of two logits."""
        if self._two_logits:
            # The softmax of two logits.
            logits = logits[:, 1:] - logits[:, :1]
        return torch.sigmoid(logits.float())
