"""From the names in a checkpoint to the names in the encoder, as the card declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cxrbench.cards import WeightsFile


@dataclass
class Match:
    """How the tensors of the checkpoints fit the encoder.

    Attributes:
        tensors: What fits, by the encoder's names.
        missing: Encoder tensors no checkpoint has.
        unexpected: Checkpoint tensors the encoder has no place for and the card does not ignore.
        wrong_shape: `name: found, expected` of tensors whose shape differs.
        by_order: Whether names were matched by order and shape.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shape: list[str] = field(default_factory=list)
    by_order: bool = False


def match_file(
    entry: WeightsFile, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> Match:
    """Match the tensors of one file with the part of the encoder it fills.

    Args:
        entry: The file's mapping rules.
        found: Its tensors, by their own names.
        wanted: The encoder's whole `state_dict`.

    Where two tensors get one name, the first has it and the other is unexpected.

    Returns:
        The match; `missing` is left empty, since another file may fill the rest.
    """
    kept = {name: found[name] for name in found if not matches_any(entry.ignore, name)}
    renamed: dict[str, Tensor] = {}
    again = []
    for name, tensor in kept.items():
        if renamed.setdefault(_rename(entry, name), tensor) is not tensor:
            again.append(name)
    renamed = {entry.into + name: tensor for name, tensor in _fuse(entry, renamed).items()}
    match = _by_name(renamed, wanted)
    match.unexpected += again
    if entry.match_by == "name-or-order" and not match.tensors:
        pairs = _by_order(kept, wanted, entry.into)
        if pairs is not None:
            return Match(tensors=pairs, by_order=True)
    return match


def _by_name(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Match:
    match = Match()
    for name, tensor in found.items():
        if name not in wanted:
            match.unexpected.append(name)
        elif _without_leading_ones(tensor.shape) != _without_leading_ones(wanted[name].shape):
            shapes = f"{tuple(tensor.shape)}, expected {tuple(wanted[name].shape)}"
            match.wrong_shape.append(f"{name}: {shapes}")
        else:
            match.tensors[name] = tensor.reshape(wanted[name].shape)
    return match


def _without_leading_ones(shape: torch.Size) -> tuple[int, ...]:
    sizes = list(shape)
    while sizes and sizes[0] == 1:
        sizes.pop(0)
    return tuple(sizes)


def _fuse(entry: WeightsFile, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Stack tensors that the encoder has as one; an incomplete set stays as it is."""
    for parts, fused in entry.fuse:
        for name in [name for name in found if parts[0] in name]:
            names = [name.replace(parts[0], part) for part in parts]
            if all(part in found for part in names):
                tensors = [found.pop(part) for part in names]
                found[name.replace(parts[0], fused)] = torch.cat(tensors)
    return found


def _by_order(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], into: str
) -> dict[str, Tensor] | None:
    """Pairs in order if number, kind (last part of the name) and shape of every tensor agree."""
    targets = [(name, tensor) for name, tensor in wanted.items() if name.startswith(into)]
    if len(targets) != len(found):
        return None
    pairs = list(zip(found.items(), targets, strict=True))
    for (theirs, tensor), (ours, target) in pairs:
        if tensor.shape != target.shape or _kind(theirs) != _kind(ours):
            return None
    return {ours: tensor for (_, tensor), (ours, _) in pairs}


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def _rename(entry: WeightsFile, name: str) -> str:
    for prefix in entry.strip_prefix:
        name = name.removeprefix(prefix)
    for pattern, replacement in entry.rename:
        name = re.sub(pattern, replacement, name)
    return name


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Whether `name` fully matches one of several regular expressions."""
    return any(re.fullmatch(pattern, name) for pattern in patterns)
