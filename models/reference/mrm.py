"""Reference vectors of MRM."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from cxrbench.testing.golden import GoldenCase, golden

_EPSILON = 1e-6


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, pixels = case.encoder, case.pixels()
    features, before = encoder.features(pixels), encoder.image.blocks(pixels)
    after = encoder.image(pixels)
    # The linear map into the report branch, which the encoder does not have.
    shape = tuple(case.manifest["tensors"]["bert_mlp.weight"])
    weight = case.external("bert_mlp.weight", shape)
    bias = case.external("bert_mlp.bias", shape[:1])
    return {
        "pooled": features.pooled,
        # What a fresh norm makes of it at the start of fine-tuning.
        "pooled_then_layernorm": F.layer_norm(
            features.pooled, features.pooled.shape[1:], eps=_EPSILON
        ),
        "pooled_post_norm": encoder.patch_mean(after),
        "cls_pre_norm": before[:, 0],
        "cls_post_norm": after[:, 0],
        "report_latent_384": F.linear(encoder.patch_mean(after), weight, bias),
        "grid": features.grid,
        "grid_post_norm": encoder.image.grid(after),
    }


compare = golden(_compute)
