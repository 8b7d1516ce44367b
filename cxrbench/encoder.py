"""The encoder interface: small capability protocols instead of one base class.

An encoder is any object with `image_spec` and `pooled_dim` that implements the capabilities its
card declares. Most are `torch.nn.Module`s; a NumPy encoder is equally welcome. What an encoder
does not implement makes a task *not applicable*, which is decided before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from cxrbench.image_spec import ImageSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "AttendsToGrid",
    "ClosedVocabulary",
    "Encoder",
    "FrozenTrunk",
    "ImageBatch",
    "ImageEncoder",
    "ImageFeatures",
    "ImageSpec",
    "JointSpace",
    "MakesPyramid",
    "PairScorer",
    "ParameterGroups",
    "PoolsGrid",
    "PredictsGaze",
    "ReportMemory",
    "ReportTokens",
    "TextEncoder",
    "ViewAware",
]


@dataclass(frozen=True)
class ImageBatch:
    """A batch of preprocessed radiographs with what is known about them.

    Attributes:
        pixels: B×3×H×W float32, normalised as the encoder's `ImageSpec` says. None only when
            `trunk` is given.
        view: Projection of each image ("PA", "AP", "LATERAL", ...), None where unknown.
        context: Clinical context of each image as plain text, None where missing.
        trunk: Output of the encoder's own `FrozenTrunk.encode_trunk` for these images, computed
            earlier.
    """

    pixels: Tensor | None
    view: Sequence[str | None] | None = None
    context: Sequence[str | None] | None = None
    trunk: Tensor | None = None

    def __len__(self) -> int:
        tensor = self.pixels if self.pixels is not None else self.trunk
        if tensor is None:
            raise ValueError("an ImageBatch needs pixels or trunk")
        return tensor.shape[0]


@dataclass(frozen=True)
class ImageFeatures:
    """What an encoder says about a batch of images.

    Attributes:
        pooled: B×D, one vector an image.
        grid: B×C×h×w patch features without any CLS token, or None.
        latents: B×M×D latent tokens, or None.
    """

    pooled: Tensor
    grid: Tensor | None = None
    latents: Tensor | None = None


@runtime_checkable
class Encoder(Protocol):
    """What every encoder has.

    Attributes:
        image_spec: The preprocessing its images need.
        pooled_dim: Width D of `ImageFeatures.pooled`.
    """

    image_spec: ImageSpec
    pooled_dim: int


@runtime_checkable
class ImageEncoder(Encoder, Protocol):
    """Turns images into features."""

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """Encode a batch; in eval mode the result of an image is independent of its batch."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into vectors."""

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode texts to B×D_text; in eval mode independent of the batch composition."""
        ...


@runtime_checkable
class JointSpace(Protocol):
    """Projects images and texts into one space, so that a dot product is a cosine."""

    def project_image(self, features: ImageFeatures) -> Tensor:
        """B×D_joint, L2-normalised."""
        ...

    def project_text(self, encoded: Tensor) -> Tensor:
        """B×D_joint from the output of `encode_text`, L2-normalised."""
        ...


@runtime_checkable
class PairScorer(Protocol):
    """Scores an image with a text by looking at both together: it has no space for them."""

    def score_pairs(self, features: ImageFeatures, texts: Sequence[str]) -> Tensor:
        """N×M scores of N images with M texts; higher where they fit, on no fixed scale."""
        ...


@runtime_checkable
class ClosedVocabulary(Protocol):
    """Knows a fixed list of findings, and no other text.

    Attributes:
        classes: Names of the C findings.
    """

    classes: Sequence[str]

    def score_classes(self, features: ImageFeatures) -> Tensor:
        """N×C probabilities that each finding is present, each by itself."""
        ...


@runtime_checkable
class FrozenTrunk(Protocol):
    """Has a trunk that is never trained, so its output can be computed once and kept."""

    def encode_trunk(self, pixels: Tensor) -> Tensor:
        """B×3×H×W pixels to the trunk's output, B first; `encode_image` accepts it as `trunk`."""
        ...


@runtime_checkable
class ParameterGroups(Protocol):
    """Names groups of its parameters, so that a recipe can give each its own learning rate."""

    def parameter_groups(self) -> Mapping[str, Iterable[torch.nn.Parameter]]:
        """Disjoint groups that together hold every trainable parameter."""
        ...


@runtime_checkable
class ViewAware(Protocol):
    """Uses the projection of an image."""

    views: Sequence[str]


@runtime_checkable
class AttendsToGrid(Protocol):
    """Can say what its pooled vector attends to."""

    def attention_map(self, batch: ImageBatch) -> Tensor:
        """B×h×w shares of the attention, not negative.

        A map sums to one, or to less where tokens that have no place get the rest.
        """
        ...


@runtime_checkable
class PredictsGaze(Protocol):
    """Can say where a reader looks who says a sentence."""

    def gaze_maps(self, batch: ImageBatch, sentences: Sequence[Sequence[str]]) -> list[Tensor]:
        """For each of B images its S sentences to S×h×w maps, each of which sums to one."""
        ...


@runtime_checkable
class MakesPyramid(Protocol):
    """Has feature maps at several scales, for decoders of dense tasks."""

    def encode_pyramid(self, batch: ImageBatch) -> Sequence[Tensor] | None:
        """B×C×h×w maps, the finest first, each about half as fine as the one before.

        None where the network that was built has none.
        """
        ...


@runtime_checkable
class PoolsGrid(Protocol):
    """Can compute `pooled` out of `grid`, where `encode_image` does not, for Grad-CAM."""

    def encode_through_grid(self, batch: ImageBatch) -> ImageFeatures:
        """As `encode_image`, but gradients flow from `pooled` to the very `grid` returned."""
        ...


@runtime_checkable
class ReportMemory(Protocol):
    """Offers a text decoder more, or other, than its grid or latents."""

    def report_memory(self, batch: ImageBatch) -> Tensor:
        """B×T×D tokens for a decoder to read; in eval mode those of an image are its own."""
        ...


@runtime_checkable
class ReportTokens(Protocol):
    """Reads reports as tokens that a decoder can write them in."""

    def report_tokens(self) -> Tokenizer:
        """A tokenizer of its own, with `<|endoftext|>` and `[PAD]`; it may be changed."""
        ...
