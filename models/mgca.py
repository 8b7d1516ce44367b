"""MGCA: ResNet-50 or ViT-B/16 and BERT, aligned at three granularities (arXiv 2210.06044)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.aligned import ReadsTexts
from .parts.image import ImageEncoder
from .parts.projection import batch_norm_projection
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens
from .parts.vit import VisionTransformer
from .parts.words import plain


class MgcaSettings(Settings):
    """Sizes; the defaults are those of the published weights.

    Attributes:
        trunk: Of the images.
        vit: Changes to the architecture of the ViT, as timm takes them.
        upsample: Side in pixels that a ResNet's inputs are scaled to; None leaves them as they are.
        hidden: Width of the projections between their two layers.
        joint: Width of the joint space.
    """

    trunk: Literal["resnet50", "vit"]
    vit: dict[str, Any] = Field(default_factory=dict)
    upsample: int | None = 299
    text: TextSettings = TextSettings(layers=6, max_tokens=112, lowercase=True)
    hidden: int = 2048
    joint: int = 128


class _NoTypes(nn.Module):
    """Stands where BERT looks up the embedding of a token's type, which this one does not have."""

    def forward(self, types: Tensor) -> Tensor:
        return torch.zeros((), device=types.device)


class Mgca(ReadsTexts, ImageEncoder):
    """Pooled and grid of the trunk; a text is the last layer's first token.

    The text tower gives every token the embedding of position 0, as the published one does: it
    takes the types of the tokens for their positions. So it sees words without their order.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, MgcaSettings)
        self.image: ResNet | VisionTransformer
        if settings.trunk == "vit":
            self.image, cells = VisionTransformer(**settings.vit), self.pooled_dim
        else:
            self.image, cells = ResNet(upsample=settings.upsample), 1024
        self.text = TextTower(settings.text)
        self.text.bert.embeddings.token_type_embeddings = _NoTypes()
        width, sizes = settings.text.dim, (settings.hidden, settings.joint)
        self.image_projection = batch_norm_projection(self.pooled_dim, *sizes)
        self.text_projection = batch_norm_projection(width, *sizes)
        self.cell_projection = _projection_of_each(cells, *sizes)
        self.word_projection = _projection_of_each(width, *sizes)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×D, and grid: the patches of a ViT, a ResNet's third stage."""
        if isinstance(self.image, VisionTransformer):
            tokens = self.image(pixels)
            return ImageFeatures(pooled=tokens[:, 0], grid=self.image.grid(tokens))
        *_, grid, last = self.image(pixels)
        return ImageFeatures(pooled=last.mean(dim=(2, 3)), grid=grid)

    def local(self, grid: Tensor) -> Tensor:
        """B×C×h×w to B×128×h×w, each cell L2-normalised."""
        cells = F.normalize(self.cell_projection(grid.flatten(2)), dim=1)
        return cells.reshape(*cells.shape[:2], *grid.shape[-2:])

    def text_output(self, tokens: Tokens, **arguments: Any) -> Any:
        """What transformers returns for B texts."""
        return self.text(tokens, position_ids=torch.zeros_like(tokens.ids), **arguments)

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×768."""
        out: Tensor = self.text_output(tokens).last_hidden_state[:, 0]
        return out

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts to B×768."""
        return super().encode_text([plain(text) for text in texts])


def _projection_of_each(width: int, hidden: int, out: int) -> nn.Sequential:
    """The projection of the joint space for every column of B×C×N."""
    return nn.Sequential(
        nn.Conv1d(width, hidden, 1),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Conv1d(hidden, out, 1),
        nn.BatchNorm1d(out, affine=False),
    )
