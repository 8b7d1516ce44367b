"""The training step of CoGaze that `cogaze_step.py` measures: network, random batch, optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from cxrbench_models.cogaze.config import (  # type: ignore[import-not-found, unused-ignore]
    CoGazeSettings,
)
from cxrbench_models.cogaze.pretraining.batch import (  # type: ignore[import-not-found, unused-ignore]
    PretrainingBatch,
)
from cxrbench_models.cogaze.pretraining.network import (  # type: ignore[import-not-found, unused-ignore]
    CoGazePretraining,
)
from cxrbench_models.cogaze.pretraining.objective import (  # type: ignore[import-not-found, unused-ignore]
    losses,
)
from cxrbench_models.cogaze.pretraining.settings import (  # type: ignore[import-not-found, unused-ignore]
    LABELS,
    PretrainingSettings,
)
from cxrbench_models.cogaze.tokenizer import (  # type: ignore[import-not-found, unused-ignore]
    SPECIAL_TOKENS,
    Tokens,
)
from torch import Tensor, nn

from cxrbench.registry import Registry
from cxrbench.training.features import autocast
from cxrbench.training.optimizers import make_optimizer

INPUTS = ("features", "pixels")
REPORT, CONTEXT, SENTENCE = (80, 160), (20, 60), (10, 30)
"""Shortest and longest text, in tokens of a limit of 300; spread evenly in between."""
SENTENCES, WHOLE = 6, 120
"""Sentences of a reading, which is a transcript of its own beside them, and its tokens."""
WITHOUT_CONTEXT, WITH_GAZE = 3, 8
"""Every third image has no context, the first of every eight has gaze."""


@dataclass(frozen=True)
class Step:
    """One training step, which can be run again and again.

    Attributes:
        network: A `CoGazePretraining` in training mode.
        forward: Batch to outputs: the network itself, or what a variant made of it.
        batch: On the device.
        optimizer: Over what is trained.
        precision: `bf16` or `32`.
        device: Where it runs.
    """

    network: Any
    forward: Callable[[Any], Any]
    batch: Any
    optimizer: torch.optim.Optimizer
    precision: str
    device: str

    def loss(self) -> Tensor:
        """The total of the objective of the paper on the batch."""
        with autocast(self.device, self.precision):
            found = losses(self.forward(self.batch), self.batch, _OBJECTIVE)
        total: Tensor = found["total"]
        return total

    def run(self) -> None:
        """Forward, loss, backward, and one step of the optimiser."""
        torch.autograd.backward(self.loss())
        self.optimizer.step()
        self.optimizer.zero_grad()


_OBJECTIVE = PretrainingSettings.model_validate({"preset": "paper"})


def make_steps(*, tiny: bool, batch: int, precision: str, device: str) -> dict[str, Step]:
    """The step with trunk features given and the one from pixels, by name.

    Both are of the same network with random weights and the same optimiser.

    Args:
        tiny: The card `cogaze-tiny` instead of `cogaze`; its trunk is frozen here, too.
        batch: Images.
        precision: See `Step`.
        device: Where everything lies.
    """
    torch.manual_seed(0)
    card = Registry.discover().model("cogaze-tiny" if tiny else "cogaze").card
    settings = CoGazeSettings.from_card(card)
    vision = settings.vision.model_copy(update={"freeze_trunk": True})
    network: nn.Module = CoGazePretraining(settings.model_copy(update={"vision": vision}))
    network.to(device).train()
    optimizer = make_optimizer(
        "adamw", [(network.parameters(), 5e-5)], weight_decay=0.01, momentum=0.0
    )
    return {
        inputs: Step(
            network,
            network,
            make_batch(network.settings, batch, inputs).to(device),
            optimizer,
            precision,
            device,
        )
        for inputs in INPUTS
    }


def make_batch(settings: Any, size: int, inputs: str) -> Any:
    """A batch of random images, texts, labels and gaze; see the constants of this module."""
    draw = torch.Generator().manual_seed(0)
    vision = settings.vision
    patches = vision.grid_side**2
    told = torch.tensor([row for row in range(size) if row % WITHOUT_CONTEXT != 2])
    read = torch.arange(0, size, WITH_GAZE)
    spoken = [*_spread(SENTENCE, SENTENCES), WHOLE] * len(read)
    trunk = pixels = None
    if inputs == "features":
        # Half precision, as the pretrainer keeps them on disk.
        trunk = torch.randn(size, 1 + patches, settings.dim, generator=draw).half()
    else:
        pixels = torch.randn(size, 3, vision.image_size, vision.image_size, generator=draw)
    looked_at = torch.rand(len(spoken), patches, generator=draw) < 0.3
    return PretrainingBatch(
        view=torch.randint(len(settings.views), (size,), generator=draw),
        reports=_texts(settings, _spread(REPORT, size), draw),
        groups=torch.arange(size) // 2,
        targets=torch.randint(2, (size, LABELS), generator=draw).float(),
        pixels=pixels,
        trunk=trunk,
        context=_texts(settings, _spread(CONTEXT, len(told)), draw),
        context_rows=told,
        transcripts=_texts(settings, spoken, draw),
        transcript_owner=read.repeat_interleave(SENTENCES + 1),
        heat=torch.rand(len(spoken), patches, generator=draw) * looked_at,
    )


def pad(tokens: Any, width: int, filler: int) -> Any:
    """Texts padded on the right to `width` tokens."""
    missing = width - tokens.ids.shape[1]
    grow = torch.nn.functional.pad
    return Tokens(
        grow(tokens.ids, (0, missing), value=filler), grow(tokens.mask, (0, missing), value=False)
    )


def _spread(ends: tuple[int, int], count: int) -> list[int]:
    steps = max(1, count - 1)
    return [ends[0] + (ends[1] - ends[0]) * place // steps for place in range(count)]


def _texts(settings: Any, lengths: list[int], draw: torch.Generator) -> Any:
    """Random words of the vocabulary, padded to the longest text."""
    limit, words = settings.text.max_tokens, settings.text.vocab_size - len(SPECIAL_TOKENS)
    own = torch.tensor([math.ceil(length * limit / 300) for length in lengths])
    mask = torch.arange(int(own.max()))[None] < own[:, None]
    ids = torch.randint(words, mask.shape, generator=draw)
    return Tokens(ids.masked_fill(~mask, words + SPECIAL_TOKENS.index("[PAD]")), mask)
