"""BioViL-T: a hybrid image encoder and CXR-BERT, aligned on studies (arXiv 2301.04558)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures
from cxrbench.errors import RunError

from .parts.aligned import ReadsTexts
from .parts.image import ImageEncoder
from .parts.projection import unit
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of
from .parts.text import TextSettings, TextTower


class BioVilTSettings(Settings):
    """Sizes; the defaults are the published ones."""

    resnet: str = "resnet50"
    patch: int = 256
    joint: int = 128
    text: TextSettings = TextSettings(vocab_size=30522, lowercase=True, special_ids=(2, 0, 3, 1))


class BioVilT(ReadsTexts, ImageEncoder):
    """Without an earlier image: the second half of each patch is a learned constant.

    With one, a transformer over both images would fill that half; batches here hold no earlier
    images, so it is not built.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, BioVilTSettings)
        patch, joint, width = settings.patch, settings.joint, settings.text.dim
        self.image = ResNet(name=settings.resnet)
        self.to_patch = nn.Conv2d(self.image.net.num_features, patch, 1, bias=False)
        self.no_earlier_image = nn.Parameter(torch.zeros(1, patch, 1, 1))
        nn.init.trunc_normal_(self.no_earlier_image, std=0.02)
        self.image_projection = nn.Sequential(
            nn.Conv2d(2 * patch, joint, 1, bias=False),
            nn.BatchNorm2d(joint),
            nn.ReLU(),
            nn.Conv2d(joint, joint, 1),
        )
        self.text = TextTower(settings.text)
        self.text_projection = nn.Sequential(
            OrderedDict(
                dense_to_hidden=nn.Linear(width, joint),
                gelu=nn.GELU(),
                LayerNorm=nn.LayerNorm(joint, eps=1e-12),
                dense_to_output=nn.Linear(joint, joint),
            )
        )

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×448×448 to pooled B×512 and grid B×512×14×14."""
        now = self.to_patch(self.image(pixels)[-1])
        grid = torch.cat([now, self.no_earlier_image.expand_as(now)], dim=1)
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×128, L2-normalised: patches are projected, then averaged.

        Raises:
            RunError: When the features have no grid.
        """
        if features.grid is None:
            raise RunError(
                "cannot project images",
                why="BioViL-T projects patches, and the features have no grid",
                fix="keep the grid of encode_image",
            )
        return unit(self.image_projection(features.grid).mean(dim=(2, 3)))
