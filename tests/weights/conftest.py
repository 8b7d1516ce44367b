"""A small encoder and cards for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from cxrbench.cards import ModelCard
from cxrbench.hashing import sha256_file
from cxrbench.weights.choice import ResolvedFile


class Net(nn.Module):
    """Five tensors: two layers and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.second = nn.Linear(2, 4)
        self.register_buffer("scale", torch.ones(1))


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def other() -> dict[str, torch.Tensor]:
    """Values the net of the test does not have yet."""
    generator = torch.Generator().manual_seed(5)
    return {
        name: torch.rand(tensor.shape, generator=generator) + 2
        for name, tensor in Net().state_dict().items()
    }


@pytest.fixture
def make_card() -> Callable[..., ModelCard]:
    def make(*weights: dict[str, object], **fields: object) -> ModelCard:
        base: dict[str, object] = {
            "id": "net", "family": "f", "title": "Net", "entry": "a:b", "status": "declared",
            "capabilities": ["image", "trainable"], "weights": list(weights),
        }  # fmt: skip
        return ModelCard.model_validate({**base, **fields})

    return make


@pytest.fixture
def resolved() -> Callable[[ModelCard, Path], list[ResolvedFile]]:
    """Files given in the order of the card."""

    def make(card: ModelCard, *paths: Path) -> list[ResolvedFile]:
        pairs = zip(card.weights, paths, strict=True)
        return [ResolvedFile(entry, path, sha256_file(path)) for entry, path in pairs]

    return make
