"""Reference vectors of CheXWorld."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from cxrbench.testing.golden import GoldenCase, golden

_LARGER = 320
_BLOCKS = (4, 6, 8)


def _compute(case: GoldenCase) -> Mapping[str, Tensor]:
    encoder, pixels = case.encoder, case.pixels()
    features = encoder.features(pixels)
    after = dict(enumerate(_after_blocks(encoder, pixels), start=1))
    means = {f"block{number}_mean": encoder.patch_mean(after[number]) for number in _BLOCKS}
    last = max(after)
    return {
        **means,
        f"block{last}_mean": encoder.patch_mean(encoder.tokens(pixels)),
        "pooled": features.pooled,
        "pooled_pre_norm": encoder.patch_mean(after[last]),
        "pooled_student": _student(case).features(pixels).pooled,
        "pooled_at_320": encoder.features(case.pixels(_LARGER)).pooled,
        "grid": features.grid,
    }


def _after_blocks(encoder: Any, pixels: Tensor) -> Iterator[Tensor]:
    x = encoder.image.embedded(pixels)
    for block in encoder.image.net.blocks:
        x = block(x)
        yield x


def _student(case: GoldenCase) -> Any:
    """The encoder that was trained, whose running average the target encoder is."""
    entry = case.card.weights[0].model_copy(
        update={
            "rename": [(r"^encoder\.", "image.net.")],
            "ignore": [r"target_encoder\..*", r"predictor\..*"],
        }
    )
    return case.another(weights=[entry])


compare = golden(_compute)
