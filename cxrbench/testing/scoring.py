"""Checks of encoders that score texts or findings without a joint space."""

from __future__ import annotations

import torch
from torch import Tensor

from cxrbench.encoder import ImageFeatures
from cxrbench.testing.check import NotApplicable, check, require
from cxrbench.testing.compare import same
from cxrbench.testing.subject import BATCH, TEXTS, Subject, parts


@check("pairwise", "scores of images with texts are N×M, each by itself", needs=("shapes",))
def pairwise(subject: Subject) -> str:
    """The first image with the second text gives the score that it has among others."""
    if not subject.has("pairwise"):
        raise NotApplicable("it does not score pairs")
    with torch.inference_mode():
        whole: Tensor = subject.encoder.score_pairs(subject.features, TEXTS[:2])
        alone: Tensor = subject.encoder.score_pairs(_first(subject.features), TEXTS[1:2])
    _require_scores(whole, (BATCH, 2), "score_pairs")
    return same(
        {"score": alone},
        {"score": whole[:1, 1:2]},
        subject.tolerance,
        "the score of a pair depends on the other pairs, or on its place",
        fix="leave padding out of attention and pooling; return rows and columns in order",
    )


@check("closed-vocabulary", "its findings have probabilities", needs=("shapes",))
def closed_vocabulary(subject: Subject) -> str:
    """N×C, one column a finding, between 0 and 1."""
    if not subject.has("closed-vocabulary"):
        raise NotApplicable("it has no list of findings")
    classes = list(subject.encoder.classes)
    with torch.inference_mode():
        scores: Tensor = subject.encoder.score_classes(subject.features)
    _require_scores(scores, (BATCH, len(classes)), "score_classes")
    require(
        len(set(classes)) == len(classes) > 0,
        "the findings have no names of their own",
        why=f"{len(classes)} names, {len(set(classes))} different ones",
        fix="name every finding once in `classes`",
    )
    require(
        bool(((scores >= 0) & (scores <= 1)).all()),
        "score_classes gives no probabilities",
        why=f"values from {float(scores.min()):.3g} to {float(scores.max()):.3g}",
        fix="end with a sigmoid or a softmax over absent and present",
    )
    return f"{len(classes)} findings"


def _first(features: ImageFeatures) -> ImageFeatures:
    return ImageFeatures(**{name: tensor[:1] for name, tensor in parts(features).items()})


def _require_scores(found: Tensor, shape: tuple[int, int], what: str) -> None:
    require(
        tuple(found.shape) == shape and bool(torch.isfinite(found).all()),
        f"{what} does not return finite scores",
        why=f"its shape is {tuple(found.shape)}, expected {shape}",
        fix="return a row an image and a column a text or finding",
    )
