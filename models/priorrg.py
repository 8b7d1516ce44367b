"""PriorRG: an image with its view, its clinical context and the image before it (2508.05353)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import RunError, WeightsError

from .cogaze.perceiver import Perceiver
from .cogaze.tokenizer import PAD, SPECIAL_TOKENS, CoGazeTokenizer, report_text, special_ids
from .parts.image import ImageEncoder, in_float32
from .parts.projection import unit
from .parts.settings import Settings, settings_of
from .parts.side_input import UNKNOWN_VIEW, contexts, view_rows
from .parts.tokens import Tokens
from .parts.vit import VisionTransformer
from .priorrg_layers import TemporalFusion, TokenProjection

SPECIAL = SPECIAL_TOKENS[:-1]
"""Those of CoGaze, which came later, but for its [TRANSCRIPT]."""
NO_CONTEXT = "[INDICATION] [SEP] [HISTORY] "
"""What is encoded for an image without a context: the authors' words, the last space included."""


class ReportSettings(Settings):
    """The text tower, six layers of CXR-BERT with the vocabulary of DistilGPT2."""

    vocab_size: int = Field(default=50264, description="Tokens, the eight special ones last.")
    layers: int = 6
    heads: int = 12
    intermediate: int = 3072
    positions: int = 512
    max_tokens: int = Field(default=300, description="Longer texts are cut on the right.")


class PriorRgSettings(Settings):
    """Sizes; the defaults are those of the published weights.

    Attributes:
        image: Changes of Rad-DINO's architecture, as timm takes them.
        views: Rows of the view table, in order.
        latents: Of the Perceiver.
        depth: Layers of the Perceiver, and of the temporal fusion.
        heads: Of the temporal fusion.
    """

    dim: int = 768
    image: dict[str, Any] = Field(default_factory=dict)
    text: ReportSettings = ReportSettings()
    views: tuple[str, ...]
    latents: int = 128
    depth: int = 3
    heads: int = 8

    @field_validator("views")
    @classmethod
    def _has_unknown(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        if UNKNOWN_VIEW not in views:
            raise ValueError(f"needs a row `{UNKNOWN_VIEW}` for images of unknown view")
        return views


class PriorRg(ImageEncoder):
    """Context latents read the image, and a vector is the mean of both kinds of latents.

    The grid holds the patches of Rad-DINO, which is not trained, before view, context and prior.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, PriorRgSettings)
        dim, text = settings.dim, settings.text
        self.settings = settings
        self.views: Sequence[str] = [view for view in settings.views if view != UNKNOWN_VIEW]
        self.tokenizer = CoGazeTokenizer(text.vocab_size, text.max_tokens, special=SPECIAL)
        self.image = VisionTransformer("vit_base_patch14_dinov2", **settings.image)
        self.image.requires_grad_(False)
        self.vp_pos_embed = nn.Parameter(torch.randn(len(settings.views), 1, dim))
        self.temp_pos_embed = nn.Parameter(torch.randn(2, 1, dim))
        self.image_projection = TokenProjection(dim, normed=True)
        self.layer_norm = nn.LayerNorm(dim)
        self.temporal_fusion = TemporalFusion(dim, settings.depth, settings.heads)
        self.perceiver = Perceiver(dim, settings.depth, settings.latents)
        self.text: Any = BertModel(
            BertConfig(
                vocab_size=text.vocab_size,
                hidden_size=dim,
                num_hidden_layers=text.layers,
                num_attention_heads=text.heads,
                intermediate_size=text.intermediate,
                max_position_embeddings=text.positions,
                pad_token_id=special_ids(text.vocab_size, SPECIAL)[PAD],
            ),
            add_pooling_layer=False,
        )
        self.text_projection = TokenProjection(dim, normed=False)

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the card that holds no tensors: `tokenizer` is the only one.

        Raises:
            WeightsError: When the name is another, or the tokenizer does not fit.
        """
        if name != "tokenizer":
            raise WeightsError(
                f"PriorRG has no use for the file {name}",
                why=f"{path}: only `tokenizer` is read besides the checkpoint",
                fix="remove it from the weights of the card",
            )
        text = self.settings.text
        self.tokenizer = CoGazeTokenizer(text.vocab_size, text.max_tokens, path, SPECIAL)

    def encode_trunk(self, pixels: Tensor) -> Tensor:
        """B×3×518×518 normalised pixels to B×1370×768 tokens of Rad-DINO, CLS first."""
        tokens: Tensor = self.image(pixels)
        return tokens

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """Encode images with their views and contexts, and without an image before them.

        Returns:
            `pooled` B×768, `grid` B×768×37×37, `latents` B×256×768: of the context, then of the
            image.
        """
        trunk = self._trunk(batch)
        current = self.image_tokens(trunk, self._rows(batch))
        return self.fuse(trunk, self.without_prior(current), self._read_contexts(batch))

    def encode_with_prior(self, batch: ImageBatch, prior: ImageBatch) -> ImageFeatures:
        """Encode images of which each has one before it; as `encode_image`.

        Args:
            batch: B images with their views and contexts.
            prior: The B images before them, with their views; other contexts are not read.
        """
        trunk = self._trunk(batch)
        current = self.image_tokens(trunk, self._rows(batch))
        before = self.image_tokens(self._trunk(prior), self._rows(prior))
        return self.fuse(trunk, self.with_prior(current, before), self._read_contexts(batch))

    def image_tokens(self, trunk: Tensor, rows: Tensor) -> Tensor:
        """B×N×D trunk tokens and B rows of the view table to B×N×D projected tokens."""
        # Kept trunk tokens may come in half precision.
        tokens = trunk.to(self.vp_pos_embed.dtype) + self.vp_pos_embed[rows]
        out: Tensor = self.image_projection(tokens)
        return out

    def without_prior(self, current: Tensor) -> Tensor:
        """B×N×D projected tokens to B×N×D visual tokens."""
        out: Tensor = self.layer_norm(current + self.temp_pos_embed[0])
        return out

    def with_prior(self, current: Tensor, prior: Tensor) -> Tensor:
        """B×N×D projected tokens, and those of the images before, to B×N×D visual tokens."""
        current, prior = current + self.temp_pos_embed[0], prior + self.temp_pos_embed[1]
        out: Tensor = self.temporal_fusion(current, prior)
        return out

    def context_latents(self, tokens: Tokens, *, over_padding: bool = False) -> Tensor:
        """B contexts to B×M×D latents.

        Args:
            tokens: The contexts.
            over_padding: Whether the padding is read too, as the authors' Perceiver does; latents
                then depend on the longest context of the batch.
        """
        start = self.perceiver.latents.expand(len(tokens.ids), -1, -1)
        mask = None if over_padding else tokens.mask
        out: Tensor = self.perceiver(start, self.text_projection(self.text_states(tokens)), mask)
        return out

    def fuse(self, trunk: Tensor, visual: Tensor, context: Tensor) -> ImageFeatures:
        """B×N×D trunk tokens, B×N×D visual tokens and B×M×D context latents to features."""
        latents = torch.cat([context, self.perceiver(context, visual)], dim=1)
        grid = self.image.grid(trunk).to(latents.dtype)
        return in_float32(ImageFeatures(pooled=latents.mean(dim=1), grid=grid, latents=latents))

    def text_states(self, tokens: Tokens) -> Tensor:
        """B texts to B×N×D hidden states of the last layer."""
        out: Tensor = self.text(
            input_ids=tokens.ids, attention_mask=tokens.mask.long()
        ).last_hidden_state
        return out

    def text_features(self, tokens: Tokens) -> Tensor:
        """B texts to B×D: their first token, projected."""
        out: Tensor = self.text_projection(self.text_states(tokens)[:, :1])[:, 0]
        return out

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode reports or prompts, worded as findings, to B×768."""
        return self.text_features(self._tokens([report_text(text) for text in texts])).float()

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×768, L2-normalised."""
        return unit(features.pooled)

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×768, L2-normalised."""
        return unit(encoded)

    def _tokens(self, texts: Sequence[str]) -> Tokens:
        found = self.tokenizer(texts)
        return Tokens(found.ids, found.mask).to(self.vp_pos_embed.device)

    def _trunk(self, batch: ImageBatch) -> Tensor:
        if batch.trunk is not None:
            return batch.trunk
        if batch.pixels is None:
            raise RunError("cannot encode images", why="no pixels", fix="give pixels or trunk")
        return self.encode_trunk(batch.pixels)

    def _rows(self, batch: ImageBatch) -> Tensor:
        rows = view_rows(batch, self.settings.views)
        return torch.tensor(rows, device=self.vp_pos_embed.device)

    def _read_contexts(self, batch: ImageBatch) -> Tensor:
        worded = [
            f"[INDICATION] {text} [SEP] [HISTORY] " if text else NO_CONTEXT
            for text in contexts(batch)
        ]
        return self.context_latents(self._tokens(worded))
