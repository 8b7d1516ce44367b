"""EGMA: MedCLIP's skeleton, aligned under the guidance of eye-gaze (arXiv 2403.12416)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard

from .medclip import MedClip


class Egma(MedClip):
    """A MedCLIP with Swin whose earlier stages are projected too, token by token.

    Those projections are trained by the gaze losses; pooled, grid and text vectors do not go
    through them.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = self.settings
        # After its first stage a Swin has twice the channels, after the second four times.
        self.stage_projections = nn.ModuleList(
            nn.Linear(factor * settings.swin.dim, settings.joint, bias=False) for factor in (2, 4)
        )

    def stage_tokens(self, pixels: Tensor) -> list[Tensor]:
        """The tokens of stages 1, 2 and 4 in the joint space.

        Args:
            pixels: B×3×H×W.

        Returns:
            B×L×512 each, L2-normalised; those of stage 4 are from before the final norm.
        """
        maps = self.image(pixels)
        projections = [*self.stage_projections, self.image_projection]
        return [
            F.normalize(projection(maps[stage].flatten(2).mT), dim=-1)
            for projection, stage in zip(projections, (1, 2, 4), strict=True)
        ]

    def local_logits(self, tokens: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled similarity of texts with the tokens of images.

        Args:
            tokens: N×L×512 of stage 4.
            texts: M×512 projected texts.

        Returns:
            N×M mean over the tokens, and N×M maximum over them.
        """
        cosines = (tokens @ texts.T) * self.logit_scale.exp()
        return cosines.mean(dim=1), cosines.amax(dim=1)
