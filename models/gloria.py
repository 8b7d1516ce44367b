"""GLoRIA: ResNet-50 and BERT, aligned by reports and by words (Huang et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures

from .parts.image import ImageEncoder
from .parts.projection import unit
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower
from .parts.tokens import Tokens
from .parts.words import plain

GRID_CHANNELS = 1024
_LAST_LAYERS = 4


class GloriaSettings(Settings):
    """Sizes; the defaults are those of the published weights.

    Attributes:
        upsample: Side in pixels that inputs are scaled to; None leaves them as they are.
        stops: Whether full stops reach the text tower, as words of their own.
    """

    text: TextSettings = TextSettings(max_tokens=97, lowercase=True)
    joint: int = 768
    upsample: int | None = 299
    stops: bool = False


class Gloria(ImageEncoder):
    """Pooled is the mean of the last stage and the grid the one before it.

    A text is the mean of its tokens over all places of the padded text, each the sum of the last
    four layers. It is in the joint space as it is.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, GloriaSettings)
        self.settings = settings
        self.image = ResNet(upsample=settings.upsample)
        self.text = TextTower(settings.text)
        self.global_embedder = nn.Linear(self.pooled_dim, settings.joint)
        self.local_embedder = nn.Conv2d(GRID_CHANNELS, settings.joint, 1, bias=False)

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer."""
        self.text.use_file(name, path)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×2048 and grid B×1024×19×19."""
        *_, grid, last = self.image(pixels)
        return ImageFeatures(pooled=last.mean(dim=(2, 3)), grid=grid)

    def local(self, grid: Tensor) -> Tensor:
        """B×1024×h×w to B×768×h×w, which are compared with words; not normalised."""
        out: Tensor = self.local_embedder(grid)
        return out

    def token_features(self, tokens: Tokens) -> Tensor:
        """B texts of N tokens to B×N×768, zeros for the padding."""
        states = self.text(tokens).hidden_states[-_LAST_LAYERS:]
        return torch.stack(states).sum(dim=0) * tokens.mask.unsqueeze(-1)

    def text_features(self, tokens: Tokens, places: int) -> Tensor:
        """B texts to B×768: the sum over their own tokens, divided by the length once padded."""
        return self.token_features(tokens).sum(dim=1) / places

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts to B×768."""
        tokens = self.text.tokens([plain(text, stops=self.settings.stops) for text in texts])
        # The authors pad every text to this length, whatever else is in the batch.
        return self.text_features(tokens, places=self.settings.text.max_tokens)

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×768, L2-normalised."""
        return unit(self.global_embedder(features.pooled))

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×768, L2-normalised; nothing is learned here."""
        return unit(encoded)


def local_similarity(local: Tensor, words: Tensor, sharpness: float = 4.0) -> Tensor:
    """How well the words of one text are found in each image.

    Every word attends to the cells, where a cell's weight comes from a softmax over the words and
    then from one over the cells. The best agreement of a word with what it attends to counts.

    Args:
        local: B×D×h×w, from `Gloria.local`.
        words: W×D sums of pieces, without the start and the end token.
        sharpness: Factor between the two softmaxes.

    Returns:
        B cosines; the authors multiply them by 5.
    """
    cells = local.flatten(2).mT
    shares = (cells @ words.mT).softmax(dim=2)
    weights = (shares * sharpness).softmax(dim=1)
    found = weights.mT @ cells
    return F.cosine_similarity(found, words.unsqueeze(0), dim=-1).amax(dim=1)
