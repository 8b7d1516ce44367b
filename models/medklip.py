"""MedKLIP: three stages of a ResNet-50, asked for 75 findings (arXiv 2301.02228)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageFeatures
from cxrbench.errors import RunError, WeightsError

from .parts.image import ImageEncoder
from .parts.resnet import ResNet
from .parts.settings import Settings, settings_of

_NAMES = """
normal clear sharp sharply unremarkable intact stable free
effusion opacity pneumothorax edema atelectasis tube consolidation
process abnormality enlarge tip low pneumonia line congestion catheter
cardiomegaly fracture air tortuous lead disease calcification prominence
device engorgement picc clip elevation expand nodule wire fluid
degenerative pacemaker thicken marking scar hyperinflate blunt loss
widen collapse density emphysema aerate mass crowd infiltrate obscure
deformity hernia drainage distention shift stent pressure lesion finding
borderline hardware dilation chf redistribution aspiration
tail_abnorm_obs excluded_obs
"""
FINDINGS = tuple(_NAMES.split())
"""The names of the findings, in the order of the explanations they were learned from."""


class MedKlipSettings(Settings):
    """Sizes; the defaults are those of the published weights."""

    text: int = 768
    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 1024


class MedKlip(ImageEncoder):
    """Pooled and grid are those of the third stage, the last one there is.

    Attributes:
        classes: Names of the findings.
        book: 75×768 vectors that describe the findings: drawn at random until a file replaces
            them. They are no part of the checkpoint.
    """

    classes = FINDINGS
    book: Tensor

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        settings = settings_of(card, MedKlipSettings)
        width = settings.width
        self.image = ResNet(last=3)
        self.cells = nn.Sequential(
            nn.Linear(self.pooled_dim, self.pooled_dim),
            nn.ReLU(),
            nn.Linear(self.pooled_dim, width),
        )
        self.questions = nn.Linear(settings.text, width)
        layer = nn.TransformerDecoderLayer(
            width, settings.heads, settings.feed_forward, batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, settings.layers, nn.LayerNorm(width))
        self.answers = nn.Linear(width, 2)
        book = torch.randn(len(FINDINGS), settings.text)
        self.register_buffer("book", book, persistent=False)

    def use_file(self, name: str, path: Path) -> None:
        """Take the vectors of the findings, an array of float32 in a `.npy` file.

        Raises:
            WeightsError: When the file cannot be read or has another shape.
        """
        try:
            book = torch.from_numpy(np.load(path, allow_pickle=False)).float()
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise _bad_book(path, (str(error).splitlines() or ["no reason given"])[0]) from error
        if book.shape != self.book.shape:
            found, wanted = tuple(book.shape), tuple(self.book.shape)
            raise _bad_book(path, f"{name} has the shape {found}, expected {wanted}")
        self.use_book(book)

    def use_book(self, book: Tensor) -> None:
        """Take the vectors of the findings, 75×768."""
        self.book = book.to(self.book)

    def features(self, pixels: Tensor) -> ImageFeatures:
        """B×3×224×224 to pooled B×1024 and grid B×1024×14×14."""
        grid = self.image(pixels)[-1]
        return ImageFeatures(pooled=grid.mean(dim=(2, 3)), grid=grid)

    def memory(self, grid: Tensor) -> Tensor:
        """B×1024×h×w to B×hw×256: what the findings look at, row by row."""
        out: Tensor = self.cells(grid.flatten(2).mT)
        return out

    def queries(self) -> Tensor:
        """The findings as 75×256."""
        out: Tensor = self.questions(self.book)
        return out

    def logits(self, states: Tensor) -> Tensor:
        """What the decoder says about each finding, B×75×256, to B×75×2: absent, present."""
        out: Tensor = self.answers(states)
        return out

    def score_classes(self, features: ImageFeatures) -> Tensor:
        """B×75 probabilities that each finding is present.

        Raises:
            RunError: When the features have no grid.
        """
        if features.grid is None:
            raise RunError("cannot score findings", why="no grid", fix="keep the grid of features")
        memory = self.memory(features.grid)
        states = self.decoder(self.queries().expand(len(memory), -1, -1), memory)
        return self.logits(states).float().softmax(dim=-1)[..., 1]


def _bad_book(path: Path, why: str) -> WeightsError:
    return WeightsError(
        "cannot use the vectors of the findings",
        why=f"{path}: {why}",
        fix="make the file again with cxrbench_models.medklip_book",
    )
