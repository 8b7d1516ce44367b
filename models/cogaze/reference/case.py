"""One size of the reference: its network and the inputs that the parts share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.testing import procedural
from cxrbench.testing.reference import Compared, compare
from cxrbench.testing.vectors import Vectors

from ...parts.tokens import Tokens
from ..config import CoGazeSettings
from ..pretraining.network import CoGazePretraining
from ..tokenizer import PAD, special_ids
from .checkpoint import tensors

SHARED_INPUTS = (
    "image_seeds", "image_size", "view_ids", "n_views", "context_ids", "report_ids", "study_ids",
    "raw_labels", "labels", "sentence_ids", "sentence_owner", "full_ids", "full_owner",
    "image_dicom", "heat_seed", "heat_fraction", "heat_zero_row", "special_ids", "class_counts",
    "token_rows", "latent_rows", "channels", "topk_ratio",
)  # fmt: skip
"""Arrays that say what to compute; several files repeat them."""


class Case:
    """The official size or the small one.

    Args:
        size: `full` or `tiny`.
        folder: Of the reference.
        manifest: Of the size.
        network: Filled with the values of the manifest, in eval mode.
        card: Of the model.
    """

    def __init__(
        self,
        size: str,
        folder: Path,
        manifest: Mapping[str, Any],
        network: CoGazePretraining,
        card: ModelCard,
    ) -> None:
        self.size, self.network, self.manifest, self.card = size, network, manifest, card
        self._folder = folder
        self._trunks: dict[tuple[int, ...], Tensor] = {}

    @property
    def settings(self) -> CoGazeSettings:
        """Of the architecture."""
        return self.network.settings

    def has(self, part: str) -> bool:
        """Whether the folder has the file of a part."""
        return self._path(part).is_file()

    def vectors(self, part: str) -> Vectors:
        """The file of a part.

        Raises:
            DataError: When it cannot be read.
        """
        found = Vectors(self._path(part))
        found.know(SHARED_INPUTS)
        return found

    def _path(self, part: str) -> Path:
        return self._folder / f"{self.size}_{part}.npz"

    def tensors(self, section: str, prefix: str = "") -> dict[str, Tensor]:
        """The tensors of a section of the manifest, a prefix of their names removed."""
        made = tensors(self.manifest, section)
        return {name.removeprefix(prefix): tensor for name, tensor in made.items()}

    def names(self, section: str) -> list[str]:
        """The names of the tensors of a section."""
        return list(self.manifest[section])

    def pixels(self, vectors: Vectors) -> Tensor:
        """B×3×S×S normalised pixels."""
        size = int(vectors["image_size"])
        images = [procedural.image(int(seed), size) for seed in vectors["image_seeds"]]
        return torch.from_numpy(np.stack(images))

    def check_images(self, vectors: Vectors) -> Iterator[Compared]:
        """The corner that the file keeps of its images, where it has any."""
        if "image_check" in vectors:
            corner = vectors["image_check"]
            found = self.pixels(vectors)[..., : corner.shape[-2], : corner.shape[-1]]
            yield compare(f"{vectors.name} image_check", found, corner, 1e-6)

    def trunk(self, vectors: Vectors) -> Tensor:
        """B×(1+P)×D output of the frozen trunk, computed once for the same images."""
        key = (*map(int, vectors["image_seeds"]), int(vectors["image_size"]))
        if key not in self._trunks:
            with torch.no_grad():
                self._trunks[key] = self.network.encode_trunk(self.pixels(vectors))
        return self._trunks[key]

    def tokens(self, ids: NDArray[Any]) -> Tokens:
        """Ragged ids, filled up with -1, as the batch a tokenizer would have made of them."""
        ragged = torch.from_numpy(ids.astype(np.int64))
        ragged = ragged[:, (ragged >= 0).any(dim=0)]
        mask = ragged >= 0
        pad = special_ids(self.settings.text.vocab_size)[PAD]
        return Tokens(ragged.masked_fill(~mask, pad), mask)

    def context(self, vectors: Vectors) -> tuple[Tokens | None, Tensor | None]:
        """The contexts that are there, as one batch, and the image of each."""
        ids = vectors["context_ids"]
        rows = np.flatnonzero((ids >= 0).any(axis=1))
        if not len(rows):
            return None, None
        return self.tokens(ids[rows]), torch.from_numpy(rows)

    def views(self, vectors: Vectors) -> Tensor:
        """B rows of the view table."""
        return torch.from_numpy(vectors["view_ids"].astype(np.int64))

    def encode(self, vectors: Vectors) -> tuple[Tensor, Tensor, Tensor]:
        """Projected tokens, context latents and vision latents of the images, in one batch."""
        tokens = self.network.image_tokens(self.trunk(vectors), self.views(vectors))
        context = self.network.context_latents(len(tokens), *self.context(vectors))
        return tokens, context, self.network.fuse(tokens, context)
