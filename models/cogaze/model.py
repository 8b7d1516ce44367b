"""The CoGaze network: frozen image trunk, text encoder, projectors and the shared Perceiver.

The names of the parameters are the keys of the released checkpoint; those of the trunk, which it
does not hold, are transformers' own under `image_encoder.`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..parts.tokens import Tokens
from .config import CoGazeSettings
from .image import build_image_encoder
from .lengths import by_length
from .perceiver import Perceiver
from .projectors import ImageProjector, TextProjector
from .text import TextEncoder

_LOG_SCALE = math.log(1 / 0.07)


class CoGaze(nn.Module):
    """Both towers and their fusion (arXiv 2603.26049).

    B is the batch, D the width, P the patches of an image, M the latents, N the tokens of a text.

    Args:
        settings: Sizes, and how padding is treated.
    """

    def __init__(self, settings: CoGazeSettings) -> None:
        super().__init__()
        dim, hidden, latents = settings.dim, settings.projector_dim, settings.perceiver.latents
        self.settings = settings
        self.image_encoder: nn.Module = build_image_encoder(settings)
        self.image_projector = ImageProjector(len(settings.views), dim, hidden, settings.view_std)
        self.text_encoder = TextEncoder(settings)
        self.text_projector = TextProjector(dim, hidden)
        self.perceiver = Perceiver(dim, settings.perceiver.depth, latents)
        shared = settings.latents == "shared"
        self.shared_latent = nn.Parameter(torch.randn(latents, dim)) if shared else None
        rows = 1 if shared else latents
        self.latent_type_embed = nn.ParameterDict(
            {kind: nn.Parameter(torch.randn(rows, dim)) for kind in ("context", "image")}
        )
        self.logit_scale = nn.Parameter(torch.tensor(_LOG_SCALE))
        self.logit_scale_gaze = nn.Parameter(torch.tensor(_LOG_SCALE))
        self.train(self.training)

    def train(self, mode: bool = True) -> CoGaze:
        """Switch dropout; a frozen trunk stays in evaluation mode."""
        super().train(mode)
        if self.settings.vision.freeze_trunk:
            self.image_encoder.eval()
        return self

    def encode_trunk(self, pixels: Tensor) -> Tensor:
        """B×3×H×W normalised pixels to B×(1+P)×D tokens of Rad-DINO, the CLS token first."""
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.settings.vision.freeze_trunk
        ):
            tokens: Tensor = self.image_encoder(pixels).last_hidden_state
        return tokens

    def image_tokens(self, trunk: Tensor, view: Tensor) -> Tensor:
        """B×(1+P)×D trunk tokens and B rows of the view table to B×(1+P)×D projected tokens."""
        # Cached trunk tokens may come in half precision.
        out: Tensor = self.image_projector(trunk.to(self.logit_scale.dtype), view)
        return out

    def text_tokens(self, tokens: Tokens) -> Tensor:
        """Texts to B×N×D projected tokens, those of the padding included."""
        out: Tensor = self.text_projector(self.text_encoder(tokens.ids, tokens.mask))
        return out

    def text_starts(self, tokens: Tokens) -> Tensor:
        """Texts to B×D: the first of their projected tokens."""
        parts = by_length(tokens)
        starts = [self.text_encoder(part.ids, part.mask)[:, 0] for _, part in parts]
        places = torch.cat([rows for rows, _ in parts]).argsort()
        out: Tensor = self.text_projector(torch.cat(starts)[places])
        return out

    def text_vectors(self, tokens: Tokens) -> Tensor:
        """Texts to B×D: the mean of their projected tokens, as `text_pool` says."""
        projected = self.text_tokens(tokens)
        mask = tokens.mask if self.settings.text_pool == "masked" else torch.ones_like(tokens.mask)
        weight = mask.unsqueeze(-1).to(projected.dtype)
        return (projected * weight).sum(dim=1) / weight.sum(dim=1)

    def context_latents(self, size: int, context: Tokens | None, rows: Tensor | None) -> Tensor:
        """The latents that will read the images, B×M×D.

        Args:
            size: B.
            context: Contexts of the images that have one, None when no image has.
            rows: Row in the batch of each context, int64.
        """
        missing = self._start("image", size)
        if context is None or rows is None:
            return missing
        mask = context.mask if self.settings.context_mask else None
        read = self.perceiver(self._start("context", len(rows)), self.text_tokens(context), mask)
        return missing.index_copy(0, rows, read.to(missing.dtype))

    def _start(self, kind: str, size: int) -> Tensor:
        latents: Tensor = self.latent_type_embed[kind]
        if self.shared_latent is not None:
            latents = self.shared_latent + latents
        return latents.expand(size, -1, -1)

    def fuse(self, image_tokens: Tensor, context_latents: Tensor) -> Tensor:
        """B×(1+P)×D projected tokens and B×M×D latents to B×M×D vision latents."""
        out: Tensor = self.perceiver(context_latents, image_tokens)
        return out

    def memory(self, image_tokens: Tensor, context_latents: Tensor) -> Tensor:
        """As `fuse`, for a report decoder: B×2M×D, vision latents and what they began as."""
        return torch.cat([self.fuse(image_tokens, context_latents), context_latents], dim=1)
