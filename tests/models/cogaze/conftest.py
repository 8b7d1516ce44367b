"""CoGaze with the procedural weights of the golden files, loaded by the rules of its card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from cxrbench_models.cogaze.config import CoGazeSettings
from cxrbench_models.cogaze.model import CoGaze
from cxrbench_models.cogaze.reference.architecture import settings_of
from cxrbench_models.parts.tokens import Tokens
from torch import Tensor

from cxrbench.cards import ModelCard
from cxrbench.registry import Registry
from cxrbench.testing import procedural
from cxrbench.weights.mapping import match_file

GOLDEN = Path(__file__).parents[2] / "golden" / "cogaze"


@pytest.fixture(scope="session")
def card() -> Callable[[str], ModelCard]:
    """A card by id, or `small`; keyword arguments replace fields of its config."""
    cards = Registry.discover().models

    def read(name: str, **config: Any) -> ModelCard:
        known = frozen(cards.get("cogaze-tiny").card) if name == "small" else cards.get(name).card
        return known.model_copy(update={"config": {**known.config, **config}})

    return read


def frozen(card: ModelCard) -> ModelCard:
    """The small architecture with a trunk that is not trained, as the full one has it."""
    vision = {**card.config["vision"], "freeze_trunk": True}
    text = {**card.config["text"], "dropout": 0.25}
    return card.model_copy(
        update={
            "config": {**card.config, "vision": vision, "text": text},
            "capabilities": [*card.capabilities, "frozen-trunk"],
            "weights": [],
        }
    )


class Golden:
    """The golden files of one size and what is needed to reproduce them."""

    def __init__(self, size: str, card: ModelCard) -> None:
        self.size, self.card = size, card
        self.procedural = procedural
        name = "manifest.json" if size == "full" else "manifest_tiny.json"
        self.manifest = json.loads((GOLDEN / name).read_text())
        self.vision = self.arrays("a_vision")

    def arrays(self, name: str) -> dict[str, Any]:
        with np.load(GOLDEN / f"{self.size}_{name}.npz") as file:
            return {
                key: file[key].tolist() if file[key].dtype.kind in "iu" else file[key]
                for key in file.files
            }

    def tensors(self, section: str) -> dict[str, Tensor]:
        shapes, salt = self.manifest[section], self.manifest["salt"]
        return {
            name: torch.from_numpy(self.procedural.weight(name, shape, salt))
            for name, shape in shapes.items()
        }

    def checkpoints(self) -> list[tuple[Any, dict[str, Tensor]]]:
        """The weights entries of the card, each with the tensors its file would hold."""
        pretrained, rad_dino = self.card.weights[:2]
        return [
            (pretrained, self.tensors("pretrain_checkpoint")),
            (rad_dino, self.tensors("rad_dino")),
        ]

    def model(self, preset: str) -> CoGaze:
        released = settings_of(self.manifest, self.size, self.card).model_dump()
        switches = {"preset": preset, "text_pool": None, "context_mask": None}
        given = {k: v for k, v in {**released, **switches}.items() if v is not None}
        model = CoGaze(CoGazeSettings.model_validate(given))
        wanted = model.state_dict()
        loaded = {}
        for entry, found in self.checkpoints():
            match = match_file(entry, found, wanted)
            assert (match.unexpected, match.wrong_shape) == ([], [])
            loaded.update(match.tensors)
        model.load_state_dict(loaded)
        return model.eval()

    def pixels(self) -> Tensor:
        size = self.vision["image_size"]
        return torch.from_numpy(
            np.stack([self.procedural.image(seed, size) for seed in self.vision["image_seeds"]])
        )

    def tokens(self, ids: list[list[int]]) -> Tokens:
        """Ragged ids as the batch a tokenizer would have made of them."""
        padded = torch.tensor(ids)
        padded = padded[:, (padded >= 0).any(dim=0)]
        mask = padded >= 0
        return Tokens(padded.masked_fill(~mask, self.vision["special_ids"][1]), mask)

    def run(self, model: CoGaze) -> SimpleNamespace:
        """The three images of `a_vision` in one batch, every stage kept."""
        context = self.tokens(self.vision["context_ids"])
        with torch.no_grad():
            trunk = model.encode_trunk(self.pixels())
            tokens = model.image_tokens(trunk, torch.tensor(self.vision["view_ids"]))
            rows = context.mask.any(dim=1).nonzero().flatten()
            present = Tokens(context.ids[rows], context.mask[rows])
            context_latents = model.context_latents(3, present, rows)
            latents = model.fuse(tokens, context_latents)
        return SimpleNamespace(
            vit_last_hidden=trunk, V=tokens, ctx_latents=context_latents, vis_latents=latents
        )


@pytest.fixture(scope="session")
def tiny(card: Callable[..., ModelCard]) -> Golden:
    """The small golden files."""
    return Golden("tiny", card("cogaze"))


@pytest.fixture(scope="session")
def full(card: Callable[..., ModelCard]) -> Golden:
    """The golden files of the official size."""
    return Golden("full", card("cogaze"))


@pytest.fixture(scope="session")
def error() -> Callable[[Tensor, Any], float]:
    """Largest difference of two arrays over the largest magnitude of the second."""

    def relative(actual: Tensor, expected: Any) -> float:
        target = torch.as_tensor(expected).detach().double()
        assert actual.shape == target.shape
        return float((actual.detach().double() - target).abs().max() / target.abs().max())

    return relative
