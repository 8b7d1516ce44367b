"""The encoder under test, with the inputs every check uses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from cxrbench.building import build
from cxrbench.cards import ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.weights.choice import Weights
from cxrbench.weights.report import LoadReport

BATCH = 2
"""Images in a batch: the fewest that can be in another order, or depend on one another.

Large encoders take seconds an image: what is encoded is shared by the checks, and checks for which
one image does encode no more."""
CONTEXTS = ("Line placement.", "Fever and pain in the chest, known COPD.")
"""The first is the shorter one, so that it is padded among others and not when alone."""
VIEWS = ("PA", "AP")
TEXTS = ("No acute findings.", "Small left pleural effusion, unchanged since yesterday.", "Edema")
_SEED = 0


@dataclass(frozen=True)
class Repeated:
    """An image encoded once more, with what is not declared, and what that changed.

    Attributes:
        features: As encoded the second time.
        pixels: Whether the pixels given were changed.
        tensors: Names of the encoder's tensors that were changed.
        training: Whether the encoder is in training mode afterwards.
        random: Whether the state of torch's random generator was changed.
    """

    features: ImageFeatures
    pixels: bool
    tensors: tuple[str, ...]
    training: bool
    random: bool


@dataclass
class Subject:
    """A model card and what is built from it; everything is computed once, when first needed.

    Attributes:
        card: The model card.
        weights: What the encoder is filled with.
        device: A torch device.
        kept_trunk: The trunk's output for `batch`, once it is known to stand for the pixels.
    """

    card: ModelCard
    weights: Weights
    device: str
    kept_trunk: Tensor | None = field(default=None, repr=False)
    _built: tuple[Any, LoadReport] | None = field(default=None, repr=False)
    _laps: list[float] = field(default_factory=list, repr=False)

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
            encoder, report = build(self.card, self.weights, _SEED)
            if isinstance(encoder, nn.Module):
                encoder.to(self.device)
            self._built = encoder, report
        return self._built

    @cached_property
    def twin(self) -> nn.Module:
        """A second build, with random weights of the same seed."""
        encoder: Any = build(self.card, Weights("random"), _SEED)[0]
        return cast(nn.Module, encoder.to(self.device))

    @cached_property
    def _pixels(self) -> Tensor:
        spec = self.encoder.image_spec
        height, width = spec.size
        generator = torch.Generator().manual_seed(_SEED)
        noise = torch.rand(BATCH, 1, height, width, generator=generator)
        ramp = torch.linspace(0, 1, width).expand(1, 1, height, width)
        share = torch.tensor([0.2, 0.8]).reshape(BATCH, 1, 1, 1)
        grey = (share * ramp + (1 - share) * noise).expand(-1, 3, -1, -1)
        mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (spec.mean, spec.std))
        return ((grey - mean) / std).to(self.device).contiguous()

    @property
    def pixels(self) -> Tensor:
        """B×3×H×W: a brightness gradient with noise, different in each image; a fresh copy."""
        return self._pixels.clone()

    @property
    def batch(self) -> ImageBatch:
        """The images, with view and context where the encoder uses them; fresh copies."""
        return ImageBatch(
            pixels=self.pixels,
            view=VIEWS if self.has("view") else None,
            context=CONTEXTS if self.has("context") else None,
        )

    @property
    def unknown_batch(self) -> ImageBatch:
        """As `batch`, with what the card does not declare given as unknown, as runs do it."""
        unknown = (None,) * BATCH
        return replace(
            self.batch, view=self.batch.view or unknown, context=self.batch.context or unknown
        )

    @property
    def light_batch(self) -> ImageBatch:
        """As `batch`, from the kept trunk where there is one: what follows the trunk costs less."""
        trunk = self.kept_trunk
        return self.batch if trunk is None else replace(self.batch, pixels=None, trunk=trunk)

    def encode(self, batch: ImageBatch) -> ImageFeatures:
        """Encode without gradients; the time that images take is kept."""
        start = time.perf_counter()
        with torch.inference_mode():
            features: ImageFeatures = self.encoder.encode_image(batch)
        if batch.pixels is not None:
            if self.device != "cpu":
                features.pooled.cpu()  # waits for the device
            self._laps.append((time.perf_counter() - start) / len(batch))
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

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each feature of one image, by name."""
        return {name: tuple(tensor.shape[1:]) for name, tensor in parts(self.features).items()}

    @cached_property
    def plain(self) -> ImageFeatures:
        """The features of images without view and context."""
        if not (self.has("view") or self.has("context")):
            return self.features
        return self.encode(replace(self.light_batch, view=None, context=None))

    @cached_property
    def alone(self) -> ImageFeatures:
        """The features of the first image of `batch`, encoded by itself."""
        return self.encode(rows(self.batch, [0]))

    @cached_property
    def light_alone(self) -> ImageFeatures:
        """As `alone`, from the kept trunk where there is one."""
        return self.alone if self.kept_trunk is None else self.encode(rows(self.light_batch, [0]))

    @cached_property
    def repeated(self) -> Repeated:
        """The first image by itself once more, with a view and a context whatever is declared."""
        batch, random = rows(self.batch, [0]), torch.get_rng_state()
        state = {} if self.module is None else self.module.state_dict()
        before = {name: tensor.clone() for name, tensor in state.items()}
        again = self.encode(replace(batch, view=VIEWS[:1], context=CONTEXTS[:1]))
        after = {} if self.module is None else self.module.state_dict()
        return Repeated(
            again,
            pixels=batch.pixels is None or not torch.equal(batch.pixels, self._pixels[:1]),
            tensors=tuple(different(before, after)),
            training=self.module is not None and self.module.training,
            random=not torch.equal(random, torch.get_rng_state()),
        )

    @cached_property
    def texts(self) -> Tensor:
        """The encoded `TEXTS`."""
        return self.encode_text(TEXTS)

    @property
    def ms_per_image(self) -> float | None:
        """Milliseconds an image takes: the fastest of the batches encoded so far."""
        return 1000 * min(self._laps) if self._laps else None


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


def different(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Names of tensors that are not the same bits in both, or are in one alone."""
    names = dict.fromkeys([*expected, *found])
    return [
        name
        for name in names
        if name not in expected or name not in found or not torch.equal(expected[name], found[name])
    ]
