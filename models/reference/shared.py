"""Arrays that the vectors of several encoders have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from cxrbench.encoder import ImageFeatures


def stages(outputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The mean of each channel of each stage of a ResNet."""
    return {
        f"stage{number}_chan_mean": output.mean(dim=(2, 3))
        for number, output in enumerate(outputs, start=1)
    }


def joint(encoder: Any, features: ImageFeatures, text: Tensor) -> dict[str, Tensor]:
    """Images and texts in the joint space, and their cosines."""
    images, texts = encoder.project_image(features), encoder.project_text(text)
    return {"image_embed": images, "text_embed": texts, "similarity": images @ texts.T}
