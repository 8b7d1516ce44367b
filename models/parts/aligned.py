"""What encoders of images and texts share: a text tower, and a projection of either side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from cxrbench.encoder import ImageFeatures

from .projection import unit
from .text import TextTower
from .tokens import Tokens


class ReadsTexts:
    """Beside an `ImageEncoder`, which makes the towers and projections.

    Attributes:
        text: The text tower.
        image_projection: Pooled features into the joint space.
        text_projection: Texts into it.
    """

    text: TextTower
    image_projection: nn.Module
    text_projection: nn.Module

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer."""
        self.text.use_file(name, path)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×D_text: the first token of the last layer, unless a subclass says else."""
        out: Tensor = self.text(tokens).last_hidden_state[:, 0]
        return out

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts to B×D_text, each as if alone."""
        return self.text_features(self.text.tokens(texts))

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×D_joint, L2-normalised."""
        return unit(self.image_projection(features.pooled))

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×D_joint, L2-normalised."""
        return unit(self.text_projection(encoded))
