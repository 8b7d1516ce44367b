"""Part `c_losses`: the losses alone, their inputs in the file; one file serves both sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from cxrbench.testing.reference import Compared, compare
from cxrbench.testing.vectors import Vectors
from cxrbench.training.mask_losses import (
    GAMMA,
    batch_dice,
    focal_and_batch_dice,
    focal_and_image_dice,
    image_dice,
)

from ..heads.classification import multi_label_loss, two_class_loss
from ..losses.contrastive import contrastive_loss
from ..losses.gaze import RELEASED, gaze_loss, image_gaze_losses
from ..losses.labels import class_weights, focal, weighted_bce
from .owners import match_rows

_LOG_SCALE = math.log(1 / 0.07)


def check_losses(vectors: Vectors) -> Iterator[Compared]:
    """Every loss of the file, and the gradients that it holds."""
    for part in (_contrastive, _labels, _gaze, _batch_gaze, _downstream, _segmentation):
        yield from part(vectors)


def _contrastive(vectors: Vectors) -> Iterator[Compared]:
    images, reports = (_input(vectors, f"con_{side}", True) for side in ("image", "report"))
    groups, scale = _input(vectors, "con_study"), _input(vectors, "con_log_scale")
    loss = contrastive_loss(images, reports, scale, groups)
    by_image, by_report = torch.autograd.grad(loss, [images, reports])
    distinct = torch.arange(len(groups))
    found = {
        "con_loss": loss,
        "con_grad_image": by_image,
        "con_grad_report": by_report,
        "con_loss_all_distinct": contrastive_loss(images, reports, scale, distinct),
        "con_loss_scale0": contrastive_loss(images, reports, torch.tensor(0.0), groups),
    }
    yield from _compare_all(vectors, found)


def _labels(vectors: Vectors) -> Iterator[Compared]:
    logits, targets = _input(vectors, "cls_logits"), _input(vectors, "cls_targets").float()
    for counts in _keys(vectors, "cls_counts_"):
        weights = class_weights(vectors[f"cls_counts_{counts}"])
        found = {
            f"cls_weights_{counts}": weights,
            f"cls_bce_{counts}": weighted_bce(logits, targets, weights),
        }
        for key in vectors:
            gamma = re.fullmatch(rf"cls_focal_g([\d.]+)_{re.escape(counts)}", key)
            if gamma:
                found[key] = focal(logits, targets, weights, float(gamma[1]))
        yield from _compare_all(vectors, found)


def _gaze(vectors: Vectors) -> Iterator[Compared]:
    for case in vectors["gaze_cases"].tolist():
        key = f"gaze_{case}"
        # A case without inputs of its own takes those of the case it varies.
        own = key if vectors[f"{key}_A"].size else key.rpartition("_rho")[0]
        logits, heat = _input(vectors, f"{own}_A", True), _input(vectors, f"{own}_G")
        vectors.know([f"{key}_A", f"{key}_G"])
        kept = float(vectors[f"{key}_rho"])
        rho = None if kept < 0 else kept
        combined = gaze_loss(logits, heat, rho=rho, weights=RELEASED)
        (gradient,) = torch.autograd.grad(combined, logits)
        found = {
            f"{key}_t2p": gaze_loss(logits, heat, rho=rho, weights=(1.0, 0.0)),
            f"{key}_p2t": gaze_loss(logits, heat, rho=rho, weights=(0.0, 1.0)),
            f"{key}_gradA": gradient,
        }
        for name in _keys(vectors, f"{key}_combined_"):
            forth, back = (float(part) for part in name.split("_")[-2:])
            weights = forth, back
            found[f"{key}_combined_{name}"] = gaze_loss(logits, heat, rho=rho, weights=weights)
        yield from _compare_all(vectors, found)


def _batch_gaze(vectors: Vectors) -> Iterator[Compared]:
    patches = _input(vectors, "batchgaze_tokens_with_cls")[:, 1:]
    ids, owners = (_input(vectors, f"batchgaze_{k}") for k in ("image_dicom", "row_owner"))
    transcript, row = match_rows(ids, owners)
    spoken = _input(vectors, "batchgaze_transcripts")[transcript]
    heat, scale = _input(vectors, "batchgaze_heat")[transcript], torch.tensor(_LOG_SCALE)
    found = {}
    for name in _keys(vectors, "batchgaze_loss_rho"):
        rho = float(name.replace("p", "."))
        found[f"batchgaze_loss_rho{name}"] = image_gaze_losses(
            patches, spoken, heat, row, scale, rho=rho, weights=RELEASED
        ).mean()
    yield from _compare_all(vectors, found)


def _downstream(vectors: Vectors) -> Iterator[Compared]:
    two = class_weights(vectors["down2_counts"], eps=0.0)
    many = class_weights(vectors["down14_counts"], eps=0.0)
    logits, labels = _input(vectors, "down2_logits"), _input(vectors, "down2_labels")
    logits14 = _input(vectors, "down14_logits")
    targets = _input(vectors, "down14_labels").float()
    yield from _compare_all(
        vectors,
        {
            "down2_weights": two,
            "down2_focal": two_class_loss(logits, labels, two, "focal"),
            "down2_sigmoid": two_class_loss(logits, labels, two, "sigmoid"),
            "down2_cross_entropy": two_class_loss(logits, labels, two, "cross_entropy"),
            "down14_weights": many,
            "down14_focal": multi_label_loss(logits14, targets, many, "focal"),
            "down14_sigmoid": multi_label_loss(logits14, targets, many, "sigmoid"),
            "down14_cross_entropy_option": multi_label_loss(
                logits14, targets, many, "cross_entropy"
            ),
        },
    )


def _segmentation(vectors: Vectors) -> Iterator[Compared]:
    logits, masks = _input(vectors, "seg_logits", True), _input(vectors, "seg_masks")
    empty, probabilities = torch.zeros_like(masks), logits.sigmoid()
    found = {
        "seg_focal": focal(logits.flatten(1), masks.flatten(1), None, GAMMA),
        "seg_softdice_batch": batch_dice(probabilities, masks),
        "seg_softdice_per_image": image_dice(probabilities, masks).mean(),
    }
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "rsna": focal_and_batch_dice,
        "siim": focal_and_image_dice,
    }
    for name, function in losses.items():
        loss = function(logits, masks)
        found[f"seg_{name}_loss"] = loss
        (found[f"seg_{name}_grad"],) = torch.autograd.grad(loss, logits)
        found[f"seg_{name}_loss_all_empty"] = function(logits, empty)
    yield from _compare_all(vectors, found)


def _input(vectors: Vectors, key: str, needs_gradient: bool = False) -> Tensor:
    return torch.from_numpy(vectors[key]).requires_grad_(needs_gradient)


def _keys(vectors: Vectors, prefix: str) -> list[str]:
    """What follows a prefix, of the arrays that start with it."""
    return [key.removeprefix(prefix) for key in vectors if key.startswith(prefix)]


def _compare_all(vectors: Vectors, found: dict[str, Tensor]) -> Iterator[Compared]:
    for key, tensor in found.items():
        yield compare(f"{vectors.name} {key}", tensor, vectors[key])
