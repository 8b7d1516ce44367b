"""Part `d_seg`: the segmentation head on given tensors, and end to end."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import torch
from torch import Tensor

from cxrbench.metrics.dice import dice_per_image
from cxrbench.testing import procedural
from cxrbench.testing.reference import (
    NEAR_ZERO,
    TOLERANCE,
    Compared,
    compare,
    compare_exactly,
)
from cxrbench.testing.vectors import Vectors
from cxrbench.training.latent_mixing import LatentMixingHead
from cxrbench.training.mask_losses import focal_and_batch_dice, focal_and_image_dice

from .case import Case
from .summaries import statistics

_PREFIX = "segment."
_SECTIONS = ("segmenter_checkpoint_extra_parameters", "segmenter_buffers_not_saved_by_reference")
_GRADIENTS = {
    "grad_token_expand_norm": "token_expand.weight",
    "grad_final_conv_norm": "final_conv.weight",
    "grad_conv0_norm": "decoder_blocks.0.0.weight",
}
_ROW_POINTS = 37
_PIXEL_SLACK = 5
"""Pixels at the threshold that rounding may turn over."""


def check_segmentation(case: Case, vectors: Vectors) -> Iterator[Compared]:
    """The head in evaluation and training mode, then the whole network with both losses."""
    vectors.know(["mask_rule"])
    yield from _given(case, vectors)
    yield from _model(case, vectors)


def _given(case: Case, vectors: Vectors) -> Iterator[Compared]:
    latents, patches = (
        torch.from_numpy(
            procedural.array(
                int(vectors[f"given_{part}_seed"]), vectors[f"given_{part}_shape"].tolist()
            )
        )
        for part in ("latents", "patches")
    )
    name, pixels = vectors.name, vectors["pixels"]
    with torch.no_grad():
        logits = _head(case).eval()(latents, patches)
        side = logits.shape[-1]
        row = logits[:, 0, side // 2, :: max(1, side // _ROW_POINTS)]
        found = {
            "given_eval_pixels": logits[..., pixels[:, 0], pixels[:, 1]],
            "given_eval_stats": statistics(logits),
            "given_eval_row_slice": row,
        }
        trained = _head(case).train()
        logits = trained(latents, patches)
    norm = trained.decoder_blocks[0].get_submodule("1")
    kept = len(vectors["bn0_running_mean_after_one_train_call"])
    found |= {
        "given_train_bn_pixels": logits[..., pixels[:, 0], pixels[:, 1]],
        "given_train_bn_stats": statistics(logits),
        "bn0_running_mean_after_one_train_call": norm.get_buffer("running_mean")[:kept],
        "bn0_running_var_after_one_train_call": norm.get_buffer("running_var")[:kept],
    }
    for key, tensor in found.items():
        yield compare(f"{name} {key}", tensor, vectors[key])


def _model(case: Case, vectors: Vectors) -> Iterator[Compared]:
    name, pixels, head = vectors.name, vectors["pixels"], _head(case).eval()
    case.network.zero_grad()
    tokens, _, latents = case.encode(vectors)
    logits = head(latents, tokens[:, 1:])[:, 0]
    masks = _masks(len(logits), logits.shape[-1])
    loss = focal_and_batch_dice(logits, masks)
    found = {
        "mask_sums": masks.sum((1, 2)),
        "model_eval_logit_pixels": logits[:, pixels[:, 0], pixels[:, 1]],
        "model_eval_logit_stats": statistics(logits),
        "model_rsna_loss": loss,
        "model_siim_loss": focal_and_image_dice(logits, masks),
    }
    parameters = dict(head.named_parameters())
    gradients = torch.autograd.grad(loss, [parameters[p] for p in _GRADIENTS.values()])
    norms = [gradient.double().norm() for gradient in gradients]
    found |= dict(zip(_GRADIENTS, norms, strict=True))
    for key, tensor in found.items():
        yield compare(f"{name} {key}", tensor, vectors[key])
    key = "model_pred_positive_pixels"
    positive = (logits.sigmoid() >= 0.5).sum((1, 2))
    yield compare_exactly(f"{name} {key}", positive, vectors[key], _PIXEL_SLACK)
    yield from _dice(vectors, logits.detach().sigmoid(), masks)


def _dice(vectors: Vectors, probabilities: Tensor, masks: Tensor) -> Iterator[Compared]:
    """Both scores of the three images, as exact as the pixels at the threshold allow."""
    areas = (probabilities >= 0.5).sum((1, 2)) + masks.sum((1, 2))
    least = max(1.0, float(areas.min()))
    for key, strict in (("model_mgca_dice", True), ("model_benchx_dice", False)):
        found = dice_per_image(probabilities.numpy(), masks.numpy(), strict=strict).mean()
        turned_over = 2 * _PIXEL_SLACK / least / max(float(vectors[key]), NEAR_ZERO)
        yield compare(
            f"{vectors.name} {key}",
            torch.tensor(found),
            vectors[key],
            max(TOLERANCE, turned_over),
        )


def _head(case: Case) -> LatentMixingHead:
    state = {k: v for section in _SECTIONS for k, v in case.tensors(section, _PREFIX).items()}
    patches, latents, _ = state["token_expand.weight"].shape
    blocks = sorted({int(k.split(".")[1]) for k in state if k.startswith("decoder_blocks.")})
    channels = [len(state[f"decoder_blocks.{block}.0.bias"]) for block in blocks]
    side, size = isqrt(patches), case.settings.vision.image_size
    head = LatentMixingHead(case.settings.dim, latents, (side, side), (size, size), channels)
    head.load_state_dict(state)
    return head


def _masks(images: int, side: int) -> Tensor:
    """B×S×S: a block in the first image, a corner in the third, the others empty."""
    masks = torch.zeros(images, side, side)
    masks[0, side // 5 : side // 2, side // 4 : 3 * side // 4] = 1
    masks[2, -side // 6 :, : side // 7] = 1
    return masks
