"""Reference vectors of one encoder in one folder: `manifest.json` and `golden.npz`.

The manifest lists the tensors of the published checkpoint by name and shape. The checkpoint is
made from it by the procedural rule, in the published layout (outer key, tied tensors, integer
buffers), and loaded by the public loader; then the encoder computes what the arrays hold.

A card's `reference` names the result of `golden(compute)`, where `compute` takes a `GoldenCase` and
returns tensors by the names of the arrays. A feature map, B×C×h×w, is returned whole: the arrays
keep its shape, its means and deviations, and a slice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cxrbench.building import build
from cxrbench.cards import ModelCard, merge
from cxrbench.testing import procedural
from cxrbench.testing.reference import (
    Compared,
    Reference,
    attempt,
    compare,
    compare_exactly,
    failed,
)
from cxrbench.testing.vectors import Vectors, read_manifest
from cxrbench.weights.choice import TENSOR_SUFFIXES, resolve
from cxrbench.weights.report import LoadReport

FEATURES, UNIT = 1e-4, 1e-5
"""Largest absolute difference that is rounding: of values of order one, and of cosines,
probabilities and vectors of length one."""

_UNIT_NAMES = re.compile(
    r"(image|text)_embed(?!_slice).*|similarity(?!_over).*|local_similarity_.*|pair_score"
    r"|score_present_.*"
)
_INPUTS = frozenset({"input_ids", "attention_mask"})
# Forms in which a file keeps a feature map.
_FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "chan_mean": lambda t: t.mean(dim=(2, 3)),
    "chan_std": lambda t: t.std(dim=(2, 3), correction=0),
    "space_mean": lambda t: t.mean(dim=1),
    "space_std": lambda t: t.std(dim=1, correction=0),
}

Compute = Callable[["GoldenCase"], Mapping[str, Tensor]]


@dataclass(frozen=True)
class GoldenCase:
    """What the arrays of a folder were computed from.

    Attributes:
        card: Of the encoder.
        manifest: Of the folder.
        vectors: The arrays; reading one marks it as known.
        folder: Holds the checkpoint.
    """

    card: ModelCard
    manifest: Mapping[str, Any]
    vectors: Vectors
    folder: Path

    @cached_property
    def _built(self) -> tuple[Any, LoadReport]:
        return self._build(self.card)

    @property
    def encoder(self) -> Any:
        """The encoder in eval mode, filled from the checkpoint."""
        return self._built[0]

    @property
    def report(self) -> LoadReport:
        """How the checkpoint fitted."""
        return self._built[1]

    def another(self, **changes: Any) -> Any:
        """A second encoder from the same checkpoint: fields of the card are replaced, or merged."""
        fields = {
            key: merge(getattr(self.card, key), value) if isinstance(value, dict) else value
            for key, value in changes.items()
        }
        return self._build(self.card.model_copy(update=fields))[0]

    def _build(self, card: ModelCard) -> tuple[Any, LoadReport]:
        files = [entry for entry in card.weights if Path(entry.file).suffix in TENSOR_SUFFIXES]
        card = card.model_copy(update={"weights": files[:1]})
        return build(card, resolve(card, str(self.folder), fetch=False), seed=0)

    def pixels(self, size: int | None = None) -> Tensor:
        """B×3×S×S normalised pixels; of the encoder's own size unless given."""
        side = size or int(self.manifest["image_check"]["size"])
        images = [procedural.image(seed, side) for seed in self.manifest["image_seeds"]]
        return torch.from_numpy(np.stack(images))

    @property
    def ids(self) -> Tensor:
        """B×N token ids of the texts."""
        return torch.from_numpy(self.vectors["input_ids"].astype(np.int64))

    @property
    def mask(self) -> Tensor:
        """B×N, True for the tokens that are no padding."""
        return torch.from_numpy(self.vectors["attention_mask"].astype(bool))

    def external(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An input that is in no checkpoint, made by the procedural rule."""
        return tensor(name, shape, self.manifest["salt"])


def golden(
    compute: Compute, *, files: tuple[str, str] = ("manifest.json", "golden.npz")
) -> Reference:
    """What a card's `reference` names.

    Args:
        compute: Tensors by the names of the arrays.
        files: Manifest and arrays in the folder.
    """

    def compare_all(folder: Path, card: ModelCard) -> Iterator[Compared]:
        manifest = read_manifest(folder / files[0])
        vectors = Vectors(folder / files[1])
        # Nothing is worth comparing when the weights or the images are others.
        rule = list(check_rule(manifest))
        yield from rule
        if not all(result.ok for result in rule):
            return
        with TemporaryDirectory() as scratch:
            case = GoldenCase(card, manifest, vectors, Path(scratch))
            write_checkpoint(Path(scratch) / checkpoint_name(card), manifest)
            loading = list(attempt("checkpoint", _loading(case)))
            yield from loading
            if all(result.ok for result in loading):
                yield from attempt("arrays", _arrays(case, compute))

    return compare_all


def checkpoint_name(card: ModelCard) -> str:
    """The file name of the encoder's own checkpoint, the first with tensors on the card."""
    names = [Path(entry.file).name for entry in card.weights]
    return next(name for name in names if Path(name).suffix in TENSOR_SUFFIXES)


def tensors(manifest: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of the checkpoint by their names in it, made by the procedural rule."""
    tied, integers = manifest.get("tied", {}), set(manifest.get("int64_tensors", ()))
    made = {}
    for name, shape in manifest["tensors"].items():
        if name in integers:
            made[name] = _integers(name, tuple(shape))
        else:
            made[name] = tensor(tied.get(name, name), shape, manifest["salt"])
    return made


def write_checkpoint(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the checkpoint as it is published: below its outer key, beside other entries."""
    content: dict[str, Any] = dict(tensors(manifest))
    for key in reversed(manifest["wrapper"]):
        content = {key: content}
    content |= {key: {} for key in manifest.get("other_top_level_keys", ())}
    torch.save(content, path)


def check_rule(manifest: Mapping[str, Any]) -> Iterator[Compared]:
    """Some tensors' first values and a corner of the first image: same rule, same numbers."""
    yield from check_first_values(manifest, manifest["tensors"])
    known = manifest["image_check"]
    corner = np.asarray(next(value for key, value in known.items() if key.startswith("first")))
    image = procedural.image(manifest["image_seeds"][0], known["size"])
    found = torch.from_numpy(image)[:, : corner.shape[1], : corner.shape[2]]
    yield compare("image_check", found, corner, 1e-6)


def check_first_values(
    manifest: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], title: str = ""
) -> Iterator[Compared]:
    """The first values of some tensors: they tell another random generator from another model.

    Args:
        manifest: With the values in `weight_check_first4`.
        shapes: Of the tensors by name.
        title: Put before the names of the results.
    """
    for name, first in manifest["weight_check_first4"].items():
        found = tensor(name, shapes[name], manifest["salt"]).flatten()[: len(first)]
        yield compare(f"{title}weight_check_first4 {name}", found, np.asarray(first), 1e-6)


def tensor(name: str, shape: Sequence[int], salt: str) -> Tensor:
    """A tensor made by the procedural rule."""
    return torch.from_numpy(np.asarray(procedural.weight(name, shape, salt)))


def _integers(name: str, shape: tuple[int, ...]) -> Tensor:
    """Legacy buffers, as old releases of the libraries saved them."""
    kind = name.rpartition(".")[2]
    if kind == "position_ids":
        return torch.arange(shape[-1]).expand(shape).clone()
    if kind == "relative_position_index":
        side = round(shape[0] ** 0.5)
        rows, columns = torch.arange(side * side) // side, torch.arange(side * side) % side
        down = rows[:, None] - rows[None] + side - 1
        across = columns[:, None] - columns[None] + side - 1
        index: Tensor = down * (2 * side - 1) + across
        return index
    return torch.zeros(shape, dtype=torch.int64)


def _loading(case: GoldenCase) -> Iterator[Compared]:
    """Every tensor of the encoder is filled; the loader refuses what is left over."""
    yield compare_exactly("checkpoint", case.report.matched, case.report.total)


def _arrays(case: GoldenCase, compute: Compute) -> Iterator[Compared]:
    """What is computed and what the folder holds have to be the same arrays, and some."""
    vectors, compared = case.vectors, False
    vectors.know(_INPUTS)
    with torch.inference_mode():
        for name, tensor in compute(case).items():
            for result in _compare(vectors, name, tensor):
                compared |= result.error is not None
                yield result
    for key in vectors.unknown():
        yield failed(key, "nothing here computes this array")
    if not compared:
        yield failed("arrays", "no array was compared")


def _compare(vectors: Vectors, name: str, found: Tensor) -> Iterator[Compared]:
    """Compare a tensor with its array, or a feature map with all that is kept of it."""
    if name in vectors:
        yield _absolute(name, found, vectors[name])
        return
    forms = [f"{name}_{form}" for form in (*_FORMS, "slice") if f"{name}_{form}" in vectors]
    if not forms:  # a shape alone holds no numbers
        yield failed(name, "the folder has no array of it")
    if f"{name}_shape" in vectors:
        yield compare_exactly(f"{name}_shape", found.shape, vectors[f"{name}_shape"])
    for form, reduce in _FORMS.items():
        key = f"{name}_{form}"
        if key in vectors:
            yield _absolute(key, reduce(found.double()), vectors[key])
    if f"{name}_slice" in vectors:
        steps = [int(step) for step in vectors[f"{name}_slice_step"]]
        part = found[tuple(slice(None, None, step) for step in steps)]
        yield _absolute(f"{name}_slice", part, vectors[f"{name}_slice"])


def _absolute(name: str, found: Tensor, expected: np.ndarray[Any, Any]) -> Compared:
    if np.issubdtype(expected.dtype, np.integer):
        return compare_exactly(name, found.cpu().numpy(), expected)
    tolerance = UNIT if _UNIT_NAMES.fullmatch(name) else FEATURES
    return compare(name, found, expected, tolerance, scale=1.0)
