"""The terms of the pretraining objective and their sum (arXiv 2603.26049, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..losses.contrastive import contrastive_loss
from ..losses.gaze import image_gaze_losses
from ..losses.labels import class_weights, focal, weighted_bce
from .batch import PretrainingBatch
from .network import PretrainingOutputs
from .settings import GazeSettings, PretrainingSettings

_BETA, _EPS = 0.9999, 1e-8

Gather = Callable[[Tensor], Tensor]
"""N×… of this process to the rows of all processes, in the order of their ranks."""


def alone(rows: Tensor) -> Tensor:
    """The `Gather` of a single process."""
    return rows


def losses(
    outputs: PretrainingOutputs,
    batch: PretrainingBatch,
    settings: PretrainingSettings,
    label_weights: Tensor | None = None,
    gather: Gather = alone,
) -> dict[str, Tensor]:
    """Every term by name, and their weighted sum as `total`.

    With several processes every term is that of the whole batch, the same on each of them.

    Args:
        outputs: Of the network on `batch`.
        batch: B images.
        settings: Which terms there are, and how they are weighted.
        label_weights: C weights of the labels (see `weights_of`); None: all are 1.
        gather: Brings the rows of all processes together, with gradients.

    Returns:
        Scalars `contrastive`, `gaze`, `image_labels`, `report_labels` and `total`; a term that
        the settings leave out is absent. `gaze` is NaN, and no part of the total, where no image of
        the batch has any.
    """
    found = {
        "contrastive": contrastive_loss(
            gather(outputs.images),
            gather(outputs.reports),
            outputs.log_scale,
            gather(batch.groups),
            positives=settings.positives,
        )
    }
    total = found["contrastive"]
    if settings.gaze is not None:
        gaze, images = _gaze(outputs, batch, settings.gaze, gather)
        found["gaze"] = gaze.where(images > 0, torch.nan)
        total = total + settings.gaze.weight * gaze
    if settings.label_weight > 0:
        targets = gather(batch.targets)
        for name, logits in (
            ("image_labels", outputs.image_logits),
            ("report_labels", outputs.report_logits),
        ):
            found[name] = _labels(gather(logits), targets, settings, label_weights)
            total = total + settings.label_weight * found[name]
    return {**found, "total": total}


def weights_of(counts: Sequence[int], settings: PretrainingSettings) -> Tensor | None:
    """The weights of the labels, as `class_weights` of the settings says.

    Args:
        counts: C numbers of training images in which each label is present.
        settings: Of the objective.

    Returns:
        C float32, or None where all labels count alike.
    """
    if settings.class_weights == "none":
        return None
    weights = class_weights(counts, _BETA, _EPS)
    if settings.class_weights == "normalised":
        return weights
    # The formula's own value of one label undoes that they sum to the number of labels.
    first = (1 - _BETA) / (1 - _BETA ** max(1, counts[0]) + _EPS)
    return weights * (first / weights[0])


def _gaze(
    outputs: PretrainingOutputs, batch: PretrainingBatch, settings: GazeSettings, gather: Gather
) -> tuple[Tensor, Tensor]:
    """The mean over the images that have gaze, of all processes, and their number."""
    sums = outputs.patches.new_zeros(2, dtype=torch.float32)
    owners, heat = batch.transcript_owner, batch.heat
    if outputs.transcripts is not None and owners is not None and heat is not None:
        images = image_gaze_losses(
            outputs.patches,
            outputs.transcripts,
            heat,
            owners,
            outputs.log_scale_gaze,
            rho=settings.rho,
            weights=settings.weights,
            kind=settings.kind,
        )
        sums = torch.stack([images.sum(), images.new_tensor(len(images))])
    everywhere = gather(sums.unsqueeze(0)).sum(dim=0)
    return everywhere[0] / everywhere[1].clamp(min=1), everywhere[1].detach()


def _labels(
    logits: Tensor, targets: Tensor, settings: PretrainingSettings, weights: Tensor | None
) -> Tensor:
    """The mean over the labels that are known; 0 where none is."""
    if weights is not None:
        weights = weights.to(logits.device)
    if settings.label_loss == "focal":
        return focal(logits, targets, weights, settings.gamma)
    return weighted_bce(logits, targets, weights)
