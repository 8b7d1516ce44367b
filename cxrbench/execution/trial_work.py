"""A little of the work of a run, on noise and with random weights, to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Literal

import torch
from torch import nn

from cxrbench.building import build
from cxrbench.encoder import ImageBatch, ImageEncoder, PairScorer, TextEncoder
from cxrbench.execution.plan import PlannedRun
from cxrbench.hashing import sha256_json
from cxrbench.image_spec import ImageSpec
from cxrbench.training.features import autocast, to_device
from cxrbench.weights.choice import Weights

Work = Callable[[int], None]


@dataclass
class Workbench:
    """Holds the encoder that was built last: they are large, and a plan has many."""

    _key: str = ""
    _encoder: ImageEncoder | None = None

    def encoder(self, planned: PlannedRun) -> ImageEncoder:
        """The encoder of a run with random weights, in eval mode."""
        side = tuple(file for file in planned.weights.files if not file.holds_tensors)
        weights = Weights("random", side)
        key = sha256_json([planned.spec.encoder, planned.model.config, weights.digest])
        if self._encoder is None or key != self._key:
            self.clear()
            self._encoder, self._key = build(planned.model, weights, seed=0)[0], key
        if isinstance(self._encoder, nn.Module):
            self._encoder.eval()
        return self._encoder

    def clear(self) -> None:
        """Forget the encoder."""
        self._encoder, self._key = None, ""


def work_on(
    bench: Workbench,
    kind: Literal["encoded", "trained", "texts", "pairs"],
    planned: PlannedRun,
    spec: ImageSpec,
    device: str,
    sentence: str,
) -> Work | None:
    """What does a number of units of that work; None where the encoder cannot."""
    encoder = bench.encoder(planned)
    to_device(encoder, device)
    precision = planned.spec.precision
    if kind == "texts":
        if not isinstance(encoder, TextEncoder) or not planned.weights.files:
            return None
        return partial(_encode_texts, encoder, sentence, device, precision)
    if kind == "pairs":
        if not isinstance(encoder, PairScorer):
            return None
        return partial(_score_pairs, encoder, sentence, planned, spec, device)
    if kind == "encoded":
        return partial(_encode, encoder, planned, spec, device)
    if not isinstance(encoder, nn.Module):
        return None
    trained = [p for p in encoder.parameters() if p.requires_grad]
    if not trained:
        return None
    return partial(_train, encoder, torch.optim.AdamW(trained, lr=1e-6), planned, spec, device)


def _encode_texts(
    encoder: TextEncoder, sentence: str, device: str, precision: str, count: int
) -> None:
    with torch.inference_mode(), autocast(device, precision):
        for _ in range(count):  # one by one, as runs do, so that padding plays no part
            encoder.encode_text([sentence]).float().cpu()


def _score_pairs(
    encoder: PairScorer,
    sentence: str,
    planned: PlannedRun,
    spec: ImageSpec,
    device: str,
    count: int,
) -> None:
    images: ImageEncoder = encoder  # type: ignore[assignment]
    batch = _batch(planned, spec, device, 1)
    with torch.inference_mode(), autocast(device, planned.spec.precision):
        encoder.score_pairs(images.encode_image(batch), [sentence] * count).float().cpu()


def _encode(
    encoder: ImageEncoder, planned: PlannedRun, spec: ImageSpec, device: str, count: int
) -> None:
    batch = _batch(planned, spec, device, count)
    with torch.inference_mode(), autocast(device, planned.spec.precision):
        encoder.encode_image(batch).pooled.float().cpu()


def _train(
    encoder: nn.Module,
    optimizer: torch.optim.Optimizer,
    planned: PlannedRun,
    spec: ImageSpec,
    device: str,
    count: int,
) -> None:
    images: ImageEncoder = encoder  # type: ignore[assignment]
    encoder.train()
    batch = _batch(planned, spec, device, count)
    with autocast(device, planned.spec.precision):
        loss = images.encode_image(batch).pooled.float().square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()
    loss.item()


def _batch(planned: PlannedRun, spec: ImageSpec, device: str, count: int) -> ImageBatch:
    """Noise, with what is known of some images of the task."""
    context = bool(planned.spec.recipe.get("context")) and "context" in planned.model.capabilities
    every = [sample for split in planned.data.splits.values() for sample in split.samples[:count]]
    samples = list(islice(cycle(every), count))
    return ImageBatch(
        pixels=torch.randn(count, 3, *spec.size, device=device),
        view=[sample.view for sample in samples],
        context=[sample.context for sample in samples] if context else None,
    )
