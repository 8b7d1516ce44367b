"""CoGaze as an encoder of cxrbench."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard
from cxrbench.data.context import split_context
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import PluginError, RunError, WeightsError
from cxrbench.image_spec import ImageSpec

from ..parts.side_input import UNKNOWN_VIEW, contexts, view_rows
from .config import CoGazeSettings
from .losses.gaze import predicted_heat
from .model import CoGaze
from .tokenizer import CoGazeTokenizer, context_text, report_text, transcript_text


class CoGazeEncoder(CoGaze):
    """Images with view and clinical context, and reports, in one space.

    An image's vector is the mean of its vision latents; its grid holds the projected patch tokens
    without the CLS token. Missing contexts and unknown views have embeddings of their own. A
    context is split into indication and history (`cxrbench.data.context.split_context`).

    Args:
        card: Its `config` holds a `CoGazeSettings`.

    Attributes:
        image_spec: From the card.
        pooled_dim: D.
        views: The views that have an embedding of their own.
        tokenizer: A byte tokenizer until `use_file` brings that of DistilGPT2.

    Raises:
        PluginError: When the card contradicts itself.
    """

    def __init__(self, card: ModelCard) -> None:
        settings = CoGazeSettings.from_card(card)
        if "frozen-trunk" in card.capabilities and not settings.vision.freeze_trunk:
            raise PluginError(
                f"cannot build {card.id}",
                why="its card declares `frozen-trunk`, but config.vision.freeze_trunk is false",
                fix="remove the capability from the card, or freeze the trunk",
            )
        super().__init__(settings)
        self.image_spec: ImageSpec = settings.image_spec(card)
        self.pooled_dim = settings.dim
        self.views: Sequence[str] = [view for view in settings.views if view != UNKNOWN_VIEW]
        self.tokenizer = CoGazeTokenizer(settings.text.vocab_size, settings.text.max_tokens)

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the card that holds no tensors: `tokenizer` is the only one.

        Raises:
            WeightsError: When the name is another, or the tokenizer does not fit.
        """
        if name != "tokenizer":
            raise WeightsError(
                f"CoGaze has no use for the file {name}",
                why=f"{path}: only `tokenizer` is read besides the checkpoints",
                fix="remove it from the weights of the card",
            )
        text = self.settings.text
        self.tokenizer = CoGazeTokenizer(text.vocab_size, text.max_tokens, path)

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """Encode images with their views and contexts.

        Args:
            batch: Its `trunk`, when given, replaces the pixels.

        Returns:
            `pooled` B×D, `grid` B×D×h×w, `latents` B×M×D.
        """
        tokens = self._tokens(batch)
        latents = self.fuse(tokens, self._read_contexts(batch))
        return ImageFeatures(pooled=latents.mean(dim=1), grid=self._grid(tokens), latents=latents)

    def report_memory(self, batch: ImageBatch) -> Tensor:
        """B×2M×D: vision latents, then those of the context, static ones where it is missing."""
        return self.memory(self._tokens(batch), self._read_contexts(batch))

    def report_tokens(self) -> Tokenizer:
        """The tokens of its text encoder, which the released decoder writes in."""
        return self.tokenizer.copy()

    def encode_through_grid(self, batch: ImageBatch) -> ImageFeatures:
        """As `encode_image`, with the patch tokens taken from `grid` on the way to `pooled`."""
        tokens = self._tokens(batch)
        grid = self._grid(tokens)
        rejoined = torch.cat([tokens[:, :1], grid.flatten(2).mT], dim=1)
        latents = self.fuse(rejoined, self._read_contexts(batch))
        return ImageFeatures(pooled=latents.mean(dim=1), grid=grid, latents=latents)

    def attention_map(self, batch: ImageBatch) -> Tensor:
        """Attention of the latents to the patches in the last block of the Perceiver.

        Returns:
            B×h×w, a mean over latents and heads; what a map lacks to a sum of one is the CLS
            token's.
        """
        weights = self.perceiver.attention(self._read_contexts(batch), self._tokens(batch))
        return self._on_grid(weights.mean(dim=1)[:, 1:])

    def gaze_maps(self, batch: ImageBatch, sentences: Sequence[Sequence[str]]) -> list[Tensor]:
        """Where a reader is expected to look who says each sentence; see `predicted_heat`.

        Args:
            batch: B images.
            sentences: Those of each image.

        Returns:
            For each image S×h×w, one distribution for each of its S sentences.
        """
        patches = self._tokens(batch)[:, 1:]
        found = []
        for own, said in zip(patches, sentences, strict=True):
            if not said:
                found.append(own.new_zeros(0, *self._sides))
                continue
            tokens = self.tokenizer([transcript_text(text) for text in said]).to(self._device)
            spoken = self.text_tokens(tokens)[:, 0]
            found.append(self._on_grid(predicted_heat(own, spoken, self.logit_scale_gaze)))
        return found

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts, worded as findings, to B×D."""
        tokens = self.tokenizer([report_text(t) for t in texts]).to(self._device)
        return self.text_vectors(tokens).float()

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×D, L2-normalised."""
        return F.normalize(features.pooled, dim=-1)

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×D, L2-normalised."""
        return F.normalize(encoded, dim=-1)

    def parameter_groups(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """One group, `encoder`: all but a frozen trunk is trained at one learning rate."""
        return {"encoder": [p for p in self.parameters() if p.requires_grad]}

    def _tokens(self, batch: ImageBatch) -> Tensor:
        """B×(1+P)×D projected tokens."""
        if batch.trunk is not None:
            trunk = batch.trunk
        elif batch.pixels is not None:
            trunk = self.encode_trunk(batch.pixels)
        else:
            raise RunError("cannot encode images", why="no pixels", fix="give pixels or trunk")
        return self.image_tokens(trunk, self._view_rows(batch))

    def _grid(self, tokens: Tensor) -> Tensor:
        """B×(1+P)×D tokens to B×D×h×w without the CLS token."""
        # Features are float32, whatever autocast makes of the tokens.
        return tokens[:, 1:].mT.reshape(len(tokens), -1, *self._sides).float()

    def _on_grid(self, values: Tensor) -> Tensor:
        """…×P values of patches to …×h×w."""
        return values.reshape(*values.shape[:-1], *self._sides)

    @property
    def _sides(self) -> tuple[int, int]:
        side = self.settings.vision.grid_side
        return side, side

    @property
    def _device(self) -> torch.device:
        return self.logit_scale.device

    def _view_rows(self, batch: ImageBatch) -> Tensor:
        return torch.tensor(view_rows(batch, self.settings.views), device=self._device)

    def _read_contexts(self, batch: ImageBatch) -> Tensor:
        told = [split_context(text) for text in contexts(batch)]
        rows = [row for row, sections in enumerate(told) if any(sections)]
        if not rows:
            return self.context_latents(len(batch), None, None)
        tokens = self.tokenizer([context_text(*told[row]) for row in rows])
        where = torch.tensor(rows, device=self._device)
        return self.context_latents(len(batch), tokens.to(self._device), where)
