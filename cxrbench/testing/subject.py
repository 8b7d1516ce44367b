"""The encoder under test, with the inputs every check uses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cxrbench.building import build
from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.weights.choice import Weights
from cxrbench.weights.report import LoadReport

BATCH = 3
"""Images in a batch: the fewest that have a first, a middle and a last."""
CONTEXTS = ("Cough for three days.", "Line placement.", "Fever and pain in the chest, known COPD.")
VIEWS = ("PA", "AP", "LATERAL")
TEXTS = ("No acute findings.", "Small left pleural effusion, unchanged since yesterday.", "Edema")
_TIMED = 3
_SEED = 0


@dataclass
class Subject:
    """A model card and what is built from it; everything is computed once, when first needed.

    Attributes:
        card: The model card.
        weights: What the encoder is filled with.
        device: A torch device.
    """

    card: ModelCard
    weights: Weights
    device: str
    _built: tuple[Any, LoadReport] | None = field(default=None, repr=False)

    def has(self, capability: str) -> bool:
        """Whether the card declares a capability."""
        return capability in self.card.capabilities

    @property
    def tolerance(self) -> float:
        """Largest difference that is rounding, relative to the largest value (TF32 on GPUs)."""
        return 1e-4 if self.device == "cpu" else 2e-3

    @property
    def encoder(self) -> Any:
        """The encoder in eval mode."""
        return self._build()[0]

    @property
    def load_report(self) -> LoadReport:
        """How its weights matched."""
        return self._build()[1]

    @property
    def module(self) -> nn.Module | None:
        """The encoder, where it is a torch module."""
        return self.encoder if isinstance(self.encoder, nn.Module) else None

    def _build(self) -> tuple[Any, LoadReport]:
        if self._built is None:
            self._built = self.build_again(_SEED)
        return self._built

    def build_again(self, seed: int) -> tuple[Any, LoadReport]:
        """A fresh encoder with the same weights; random ones depend on the seed."""
        encoder, report = build(self.card, self.weights, seed)
        if isinstance(encoder, nn.Module):
            encoder.to(self.device)
        return encoder, report

    @cached_property
    def _pixels(self) -> Tensor:
        spec = self.encoder.image_spec
        height, width = spec.size
        generator = torch.Generator().manual_seed(_SEED)
        noise = torch.rand(BATCH, 1, height, width, generator=generator)
        ramp = torch.linspace(0, 1, width).expand(1, 1, height, width)
        share = torch.tensor([0.2, 0.5, 0.8]).reshape(BATCH, 1, 1, 1)
        grey = (share * ramp + (1 - share) * noise).expand(-1, 3, -1, -1)
        mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (spec.mean, spec.std))
        return ((grey - mean) / std).to(self.device).contiguous()

    @property
    def pixels(self) -> Tensor:
        """B×3×H×W: a brightness gradient with noise, three different images; a fresh copy."""
        return self._pixels.clone()

    @property
    def batch(self) -> ImageBatch:
        """The images, with view and context where the encoder uses them; fresh copies."""
        return ImageBatch(
            pixels=self.pixels,
            view=VIEWS if self.has("view") else None,
            context=CONTEXTS if self.has("context") else None,
        )

    def encode(self, batch: ImageBatch) -> ImageFeatures:
        """Encode without gradients."""
        with torch.inference_mode():
            features: ImageFeatures = self.encoder.encode_image(batch)
        return features

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode texts without gradients."""
        with torch.inference_mode():
            encoded: Tensor = self.encoder.encode_text(texts)
        return encoded

    @cached_property
    def features(self) -> ImageFeatures:
        """The features of `batch`."""
        return self.encode(self.batch)

    @cached_property
    def texts(self) -> Tensor:
        """The encoded `TEXTS`."""
        return self.encode_text(TEXTS)

    def ms_per_image(self) -> float:
        """Milliseconds an image takes: the fastest of a few batches."""
        laps = []
        for _ in range(_TIMED):
            start = time.perf_counter()
            self.encode(self.batch).pooled.cpu()
            laps.append(time.perf_counter() - start)
        return 1000 * min(laps) / BATCH


def rows(batch: ImageBatch, positions: Sequence[int]) -> ImageBatch:
    """Some images of a batch, in that order."""
    chosen = list(positions)
    return replace(
        batch,
        pixels=None if batch.pixels is None else batch.pixels[chosen],
        trunk=None if batch.trunk is None else batch.trunk[chosen],
        view=None if batch.view is None else [batch.view[p] for p in chosen],
        context=None if batch.context is None else [batch.context[p] for p in chosen],
    )


def parts(features: ImageFeatures) -> dict[str, Tensor]:
    """The tensors of features, by name."""
    found = {"pooled": features.pooled, "grid": features.grid, "latents": features.latents}
    return {name: tensor for name, tensor in found.items() if tensor is not None}
