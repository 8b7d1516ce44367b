"""Checkpoint files in the official layout, made from a manifest, and loaded by the card's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.generation.cross_attention import CrossAttentionGenerator
from cxrbench.testing.golden import check_first_values, tensor
from cxrbench.testing.reference import Compared, compare_exactly
from cxrbench.weights.choice import TENSOR_SUFFIXES, ResolvedFile, resolve
from cxrbench.weights.load import load
from cxrbench.weights.report import LoadReport

from ..config import CoGazeSettings
from ..generation import for_decoder
from ..pretraining.checkpoint import for_pretraining
from ..pretraining.network import CoGazePretraining
from .architecture import DECODER_SECTION, decoder_settings_of

SECTIONS = ("pretrain_checkpoint", "rad_dino")
"""Of a manifest, in the order of the card's weights."""


def tensors(manifest: Mapping[str, Any], section: str) -> dict[str, Tensor]:
    """The tensors of a section by name, made by the procedural rule."""
    salt = manifest["salt"]
    return {name: tensor(name, shape, salt) for name, shape in manifest[section].items()}


def check_rule(size: str, manifest: Mapping[str, Any]) -> Iterator[Compared]:
    """The first values of some tensors: they tell another random generator from another model."""
    sections = {key: part for key, part in manifest.items() if isinstance(part, Mapping)}
    del sections["weight_check_first4"]
    known = {name: shape for part in sections.values() for name, shape in part.items()}
    yield from check_first_values(manifest, known, f"{size} ")


def write_files(folder: Path, manifest: Mapping[str, Any], card: ModelCard) -> None:
    """Write what the card's weights name: the checkpoint as saved by the released code, the trunk.

    The released code saves parameters, not plain tensors, beside the state of its optimiser.
    """
    for entry, section in zip(card.weights, SECTIONS, strict=False):
        made, path = tensors(manifest, section), folder / Path(entry.file).name
        if path.suffix == ".safetensors":
            save_file(made, path)
            continue
        state = {name: nn.Parameter(tensor) for name, tensor in made.items()}
        torch.save({"state_dict": state, "optimizer_state": {}, "epoch": 0}, path)


def load_network(
    folder: Path, settings: CoGazeSettings, card: ModelCard
) -> tuple[CoGazePretraining, LoadReport]:
    """The pretraining network in eval mode, filled by the public loader.

    Raises:
        WeightsError: When the files do not fill it completely.
    """
    files = [entry for entry in card.weights if Path(entry.file).suffix in TENSOR_SUFFIXES]
    card = for_pretraining(card.model_copy(update={"weights": files}))
    network = CoGazePretraining(settings)
    report = load(network, card, resolve(card, str(folder), fetch=False).files)
    return network.eval(), report


def load_decoder(
    manifest: Mapping[str, Any], size: str, card: ModelCard
) -> tuple[CrossAttentionGenerator, LoadReport]:
    """The report decoder in eval mode, filled by the public loader from a file of its own.

    Raises:
        WeightsError: When the file does not fill it completely.
    """
    settings = decoder_settings_of(manifest, size)
    model = CrossAttentionGenerator(settings, settings.dim)
    known = for_decoder(card)
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "generation.pt"
        torch.save({"state_dict": tensors(manifest, DECODER_SECTION)}, path)
        report = load(model, known, [ResolvedFile(known.weights[0], path, "")])
    return model.eval(), report


def check_loading(size: str, report: LoadReport) -> Iterator[Compared]:
    """Every tensor of the network is filled; the loader refuses what is left over."""
    found = [report.matched, int(report.complete)]
    yield compare_exactly(f"{size} checkpoint", found, [report.total, 1])
