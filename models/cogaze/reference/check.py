"""Compares everything a folder holds; what nothing here computes is named as skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cxrbench.cards import ModelCard
from cxrbench.errors import BadRequest
from cxrbench.testing.reference import Compared, attempt, failed, missing, skipped
from cxrbench.testing.vectors import Vectors, read_manifest

from .architecture import settings_of
from .case import SHARED_INPUTS, Case
from .checkpoint import check_loading, check_rule, load_network, write_files
from .classification import check_classification
from .decoder import check_decoder
from .losses import check_losses
from .metrics import check_metrics
from .pretrain import check_pretraining
from .segmentation import check_segmentation
from .text import check_text
from .vision import check_vision

MANIFESTS = {"tiny": "manifest_tiny.json", "full": "manifest.json"}
"""By size; the small one first, because it fails within seconds."""

PARTS: dict[str, Callable[[Case, Vectors], Iterator[Compared]]] = {
    "a_vision": check_vision,
    "b_text": check_text,
    "c_pretrain": check_pretraining,
    "d_cls": check_classification,
    "d_seg": check_segmentation,
    "e_decoder": check_decoder,
}
# Parts without a network; the folder holds them once.
ALONE: dict[str, Callable[[Vectors], Iterator[Compared]]] = {
    "full_c_losses": check_losses,
    "full_f_metrics": check_metrics,
}
_ABSENT = "the folder does not have this file"


def compare_all(folder: Path, card: ModelCard) -> Iterator[Compared]:
    """Compare both sizes, as far as the folder holds them; what it lacks is named.

    Args:
        folder: With the manifests and the `.npz` files.
        card: Of the model.

    Raises:
        BadRequest: When the folder has no manifest.
    """
    if not any((folder / name).is_file() for name in MANIFESTS.values()):
        raise BadRequest(
            "no reference vectors of this model",
            why=f"{folder} holds none of {', '.join(MANIFESTS.values())}",
            fix="give the folder that holds the manifests and the .npz files",
        )
    for part, check in ALONE.items():
        path = folder / f"{part}.npz"
        if path.is_file():
            yield from attempt(part, _alone(path, check))
        else:
            yield missing(part, _ABSENT)
    for size, name in MANIFESTS.items():
        there = [part for part in PARTS if (folder / f"{size}_{part}.npz").is_file()]
        if (folder / name).is_file() and there:
            yield from attempt(f"{size} network", _size(size, folder, card))
        elif (folder / name).is_file():
            yield failed(name, f"the folder has no file {size}_*.npz to go with it")
        elif there:
            yield failed(name, f"the folder lacks it, but has {size}_{there[0]}.npz")
        else:
            yield missing(name, f"the folder has nothing of the size {size}")


def _size(size: str, folder: Path, card: ModelCard) -> Iterator[Compared]:
    manifest = read_manifest(folder / MANIFESTS[size])
    # Nothing is worth comparing when the weights are others.
    rule = list(check_rule(size, manifest))
    yield from rule
    if not all(result.ok for result in rule):
        return
    settings = settings_of(manifest, size, card)
    with TemporaryDirectory() as scratch:
        write_files(Path(scratch), manifest, card)
        network, report = load_network(Path(scratch), settings, card)
    yield from check_loading(size, report)
    case = Case(size, folder, manifest, network, card)
    for part in PARTS:
        name = f"{size}_{part}"
        if case.has(part):
            yield from attempt(name, _part(case, part))
        else:
            yield missing(name, _ABSENT)


def _part(case: Case, part: str) -> Iterator[Compared]:
    vectors = case.vectors(part)
    yield from case.check_images(vectors)
    yield from _whole(vectors, lambda known: PARTS[part](case, known))


def _alone(path: Path, check: Callable[[Vectors], Iterator[Compared]]) -> Iterator[Compared]:
    # A generator, so that a file that cannot be read fails where its results are attempted.
    yield from _whole(Vectors(path), check)


def _whole(vectors: Vectors, check: Callable[[Vectors], Iterator[Compared]]) -> Iterator[Compared]:
    """The results of a file, and its arrays that the check did not look at."""
    vectors.know(SHARED_INPUTS)
    yield from check(vectors)
    for key in vectors.unknown():
        yield skipped(f"{vectors.name} {key}", "nothing here computes this array")
