"""Checks of weights: random ones follow the seed; a checkpoint fits completely or not at all."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cxrbench.building import build
from cxrbench.cards import ModelCard, WeightsFile
from cxrbench.errors import WeightsError
from cxrbench.registry import load_entry
from cxrbench.testing.check import CheckFailed, NotApplicable, check, require
from cxrbench.testing.subject import Subject
from cxrbench.weights.choice import ResolvedFile, Weights
from cxrbench.weights.load import load
from cxrbench.weights.mapping import matches_any

_LARGEST_BYTES = 4 * 2**30


@check("seeded", "random weights follow the seed", needs=("builds",))
def seeded(subject: Subject) -> str:
    """The same seed gives the same weights again, whatever was drawn before."""
    if subject.module is None or subject.weights.source != "random":
        raise NotApplicable("no random weights")
    torch.rand(1)
    again: nn.Module = subject.build_again(seed=0)[0]
    different = _different(subject.module.state_dict(), again.state_dict())
    require(
        not different,
        "the same seed gives other weights",
        why=f"{', '.join(different[:3])} differ between two builds",
        fix="initialise with torch's global generator, or with a fixed seed",
    )
    return "the same seed gives the same weights"


@check("checkpoint", "a checkpoint of its own tensors loads completely", needs=("builds",))
def checkpoint(subject: Subject) -> str:
    """Saved, then loaded into a fresh encoder that started from another seed."""
    tensors = _own_tensors(subject)
    fresh = cast(nn.Module, build(subject.card, Weights("random"), seed=1)[0]).to(subject.device)
    matched = _load(fresh, subject.card, tensors)
    different = _different(tensors, fresh.state_dict())
    require(
        not different,
        "a checkpoint of the encoder's own tensors does not restore it",
        why=f"{', '.join(different[:3])} differ after loading",
        fix="let state_dict hold every tensor, and load_state_dict change nothing",
    )
    return f"{matched} tensors"


@check("missing-tensor", "a checkpoint that lacks a tensor is refused", needs=("checkpoint",))
def missing_tensor(subject: Subject) -> str:
    """`min_match` and `optional_tensors` of the card must not let half a checkpoint pass."""
    tensors = _own_tensors(subject)
    needed = [name for name in tensors if not matches_any(subject.card.optional_tensors, name)]
    require(
        bool(needed),
        "no tensor is required",
        why=f"optional_tensors {subject.card.optional_tensors} match all of them",
        fix="name the few tensors that checkpoints may lack",
    )
    lost = needed[len(needed) // 2]
    with torch.device("meta"):
        empty = load_entry(subject.card.entry)(subject.card)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about a meta encoder, where it is accepted
            _load(empty, subject.card, {n: t for n, t in tensors.items() if n != lost})
    except WeightsError:
        return f"refused without {lost}"
    raise CheckFailed(
        "a checkpoint that lacks a tensor is accepted",
        why=f"{lost} was left out; min_match is {subject.card.min_match}",
        fix="leave min_match at 1 and name what may be lacking in optional_tensors",
    )


def _own_tensors(subject: Subject) -> dict[str, Tensor]:
    if subject.module is None or not subject.module.state_dict():
        raise NotApplicable("no tensors to load")
    tensors = subject.module.state_dict()
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    if size > _LARGEST_BYTES:
        raise NotApplicable(f"{size / 2**30:.1f} GiB of tensors are too many to write for a check")
    return tensors


def _load(encoder: object, card: ModelCard, tensors: dict[str, Tensor]) -> int:
    """Load tensors through a file, under the encoder's own names; returns how many matched."""
    entry = WeightsFile(name="own", source="manual", file="own.safetensors")
    own = card.model_copy(update={"weights": [entry]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / entry.file
        # Tensors that share memory cannot be saved as they are.
        own_memory = {n: t.detach().cpu().clone().contiguous() for n, t in tensors.items()}
        save_file(own_memory, path)
        return load(encoder, own, [ResolvedFile(entry, path, "")]).matched


def _different(expected: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    names: Iterable[str] = dict.fromkeys([*expected, *found])
    return [
        name
        for name in names
        if name not in expected or name not in found or not torch.equal(expected[name], found[name])
    ]
