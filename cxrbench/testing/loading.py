"""Checks of weights: random ones follow the seed; a checkpoint fits completely or not at all."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard, WeightsFile
from cxrbench.errors import WeightsError
from cxrbench.registry import load_entry
from cxrbench.testing.check import CheckFailed, NotApplicable, check, require
from cxrbench.testing.subject import Subject, different
from cxrbench.weights.choice import ResolvedFile
from cxrbench.weights.load import load
from cxrbench.weights.mapping import is_required
from cxrbench.weights.write import write_tensors

_LARGEST_BYTES = 4 * 2**30
_MEMORY = Path("/dev/shm")  # noqa: S108 - files in memory, on Linux; only a temporary folder in it


@check("seeded", "random weights follow the seed", needs=("builds",))
def seeded(subject: Subject) -> str:
    """The same seed gives the same weights again, whatever was drawn before."""
    if subject.module is None or subject.weights.source != "random":
        raise NotApplicable("no random weights")
    torch.rand(1)
    others = different(subject.module.state_dict(), subject.twin.state_dict())
    require(
        not others,
        "the same seed gives other weights",
        why=f"{', '.join(others[:3])} differ between two builds",
        fix="initialise with torch's global generator, or with a fixed seed",
    )
    return "the same seed gives the same weights"


@check("checkpoint", "a checkpoint of its own tensors loads completely", needs=("builds",))
def checkpoint(subject: Subject) -> str:
    """Saved, then loaded into a second encoder that has other values in every tensor."""
    tensors, other = _own_tensors(subject), subject.twin
    _spoil(other)
    matched = _load(other, subject.card, tensors)
    lost = different(tensors, other.state_dict())
    require(
        not lost,
        "a checkpoint of the encoder's own tensors does not restore it",
        why=f"{', '.join(lost[:3])} differ after loading",
        fix="let state_dict hold every tensor, and load_state_dict change nothing",
    )
    return f"{matched} tensors"


@check("missing-tensor", "a checkpoint that lacks a tensor is refused", needs=("checkpoint",))
def missing_tensor(subject: Subject) -> str:
    """`min_match` and `optional_tensors` of the card must not let half a checkpoint pass."""
    tensors = _own_tensors(subject)
    needed = [name for name in tensors if is_required(subject.card, name)]
    require(
        bool(needed),
        "no tensor is required",
        why=f"optional_tensors {subject.card.optional_tensors} match all of them",
        fix="name the few tensors that checkpoints may lack",
    )
    lost = needed[len(needed) // 2]
    # Names and shapes decide: an encoder without values, and a file of one value a tensor.
    with torch.device("meta"):
        empty = load_entry(subject.card.entry)(subject.card)
    rest = {n: torch.zeros(()).expand(t.shape) for n, t in tensors.items() if n != lost}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about a meta encoder, where it is accepted
            _load(empty, subject.card, rest, "own.pt")
    except WeightsError:
        return f"refused without {lost}"
    raise CheckFailed(
        "a checkpoint that lacks a tensor is accepted",
        why=f"{lost} was left out; min_match is {subject.card.min_match}",
        fix="leave min_match at 1 and name what may be lacking in optional_tensors",
    )


def _own_tensors(subject: Subject) -> Mapping[str, Tensor]:
    if subject.module is None or not subject.module.state_dict():
        raise NotApplicable("no tensors to load")
    tensors = subject.module.state_dict()
    size = _bytes(tensors)
    if size > _LARGEST_BYTES:
        raise NotApplicable(f"{size / 2**30:.1f} GiB of tensors are too many to write for a check")
    return tensors


def _load(
    encoder: object, card: ModelCard, tensors: Mapping[str, Tensor], file: str = "own.safetensors"
) -> int:
    """Load tensors through a file, under the encoder's own names; returns how many matched."""
    entry = WeightsFile(name="own", source="manual", file=file)
    own = card.model_copy(update={"weights": [entry]})
    with tempfile.TemporaryDirectory(dir=_scratch(_bytes(tensors))) as folder:
        path = Path(folder) / entry.file
        if path.suffix == ".safetensors":
            write_tensors(path, tensors)
        else:
            torch.save(dict(tensors), path)
        return load(encoder, own, [ResolvedFile(entry, path, "")]).matched


def _spoil(module: nn.Module) -> None:
    """Give every tensor other values."""
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point() or tensor.is_complex():
                tensor.fill_(float("nan"))
            else:
                tensor.copy_(tensor == 0)


def _scratch(size: int) -> Path | None:
    """A folder in memory with room for a file of that size; None: the usual one, on a disk."""
    room = shutil.disk_usage(_MEMORY).free if _MEMORY.is_dir() else 0
    return _MEMORY if room > 2 * size else None


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
