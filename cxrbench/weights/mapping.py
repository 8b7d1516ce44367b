"""From the names in a checkpoint to the names in the encoder, as the card declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from cxrbench.cards import WeightsFile
from cxrbench.weights.report import some

_COUNTER = "num_batches_tracked"  # of a batch norm; files older than PyTorch 0.4.1 have none


class Filled(Protocol):
    """What the card of a network says of filling it; a `ModelCard` is one."""

    @property
    def id(self) -> str: ...  # noqa: D102 - as on the card, as are the others
    @property
    def min_match(self) -> float: ...  # noqa: D102
    @property
    def optional_tensors(self) -> list[str]: ...  # noqa: D102


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

    @property
    def problems(self) -> list[str]:
        """A line each for what is missing, left over or of another shape."""
        return [
            *some("missing", self.missing),
            *some("unexpected", self.unexpected),
            *some("wrong shape", self.wrong_shape),
        ]


def match_files(
    card: Filled,
    wanted: Mapping[str, Tensor],
    files: Iterable[tuple[WeightsFile, Mapping[str, Tensor]]],
) -> Match:
    """Match files of a card, each with its tensors, with an encoder's whole `state_dict`."""
    whole = Match()
    for entry, found in files:
        part = match_file(entry, found, wanted)
        whole.tensors.update(part.tensors)
        whole.unexpected += part.unexpected
        whole.wrong_shape += part.wrong_shape
        whole.by_order |= part.by_order
    whole.missing = [
        name for name in wanted if is_required(card, name) and name not in whole.tensors
    ]
    return whole


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
    if not any(is_counter(name) for name in found):
        targets = [(name, tensor) for name, tensor in targets if not is_counter(name)]
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


def is_counter(name: str) -> bool:
    """Whether a tensor counts batches, which no output depends on."""
    return _kind(name) == _COUNTER


def is_required(card: Filled, name: str) -> bool:
    """Whether a tensor of the encoder has to be in a file."""
    return not is_counter(name) and not matches_any(card.optional_tensors, name)


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Whether `name` fully matches one of several regular expressions."""
    return any(re.fullmatch(pattern, name) for pattern in patterns)
