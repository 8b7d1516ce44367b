"""`cxrbench info` of a model: its card as a reviewer wants to read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cxrbench.cards import ModelCard, TaskCard, WeightsFile
from cxrbench.registry import Registry

if TYPE_CHECKING:
    from cxrbench.building import Parameters

Line = tuple[str, str]

_STATUS = {
    "verified": "verified: results of the released weights were compared with published ones",
    "declared": "declared: card and code follow what was published; no result of the released "
    "weights was compared",
    "no-weights": "no-weights: there are none to be had; random ones, or a file of your own",
}
_CAPABILITIES = {
    "image": "features of images",
    "text": "features of texts",
    "joint": "one space for images and texts (zero-shot, retrieval)",
    "pairwise": "scores of an image with a text, looked at together",
    "closed-vocabulary": "probabilities of its own list of findings",
    "trainable": "fine-tuning",
    "frozen-trunk": "a trunk that is never trained",
    "context": "reads clinical context",
    "view": "uses the projection (PA, AP, lateral)",
}
_TRAINERS = {
    "official": "by the authors",
    "retrained": "trained again by others",
    "reproduction": "a reproduction",
}


def model_lines(card: ModelCard, registry: Registry, counts: Parameters | None) -> list[Line]:
    """Labels and texts, in the order of a model card."""
    paper, seen = card.paper, [*card.pretraining_data, *card.overlaps]
    text = [name for name in ("text", "joint", "pairwise") if name in card.capabilities]
    lines = [
        ("model", f"{card.id}: {card.title}"),
        ("paper", f"{paper.title} ({paper.year}) {paper.url}".strip() if paper else "none"),
        ("code", f"{card.code_url} (licence: {card.code_licence})" if card.code_url else ""),
        ("status", _STATUS[card.status]),
        *(("weights", _weights(file)) for file in card.weights if _holds_tensors(file)),
        *(("side file", _weights(file)) for file in card.weights if not _holds_tensors(file)),
        ("code checked", _checked(card)),
        ("pretrained on", ", ".join(card.pretraining_data) or ("unknown" if card.weights else "")),
        ("images seen of", ", ".join(dict.fromkeys(card.overlaps))),
        ("", ""),
        ("input", _input(card)),
        ("context", ", ".join(card.context_fields)),
        ("gives", _sizes(card)),
        ("parameters", _parameters(counts)),
        *(("can", f"{name}: {_CAPABILITIES[name]}") for name in card.capabilities),
        ("cannot", "" if text else "zero-shot and retrieval: it reads no text"),
    ]
    if not card.is_pattern:
        lines += _tasks(card, registry, seen)
    return lines + [("quirk", quirk) for quirk in card.quirks]


def _holds_tensors(file: WeightsFile) -> bool:
    from cxrbench.weights.choice import TENSOR_SUFFIXES

    return file.file.endswith(TENSOR_SUFFIXES)


def _weights(file: WeightsFile) -> str:
    from cxrbench.weights.locate import locate

    where = " ".join(part for part in (file.repo, file.file) if part) or "no public address"
    path = locate(file)
    facts = [
        f"licence {file.licence}",
        f"access {file.access}",
        _TRAINERS[file.trainer] if _holds_tensors(file) else "",
        f"trained on {', '.join(file.trained_on)}" if file.trained_on else "",
        f"sha256 {file.sha256}" if file.sha256 else "sha256 not recorded",
        f"here: {path}" if path else "not on this machine",
    ]
    return f"{file.name}: {file.source} {where} ({'; '.join(filter(None, facts))})"


def _checked(card: ModelCard) -> str:
    if card.reference:
        return (
            "against numbers of the reference implementation, with generated weights in the "
            f"published layout (`cxrbench check --model {card.id} --reference FOLDER`)"
        )
    return "no numbers of a reference implementation; see its tests and quirks"


def _input(card: ModelCard) -> str:
    if card.preprocessing is None:
        return "the encoder's own preprocessing, known once it is built"
    fixed = "; no other size" if card.fixed_size else ""
    if card.pyramid_any_size:
        fixed += ", but for maps at several scales (segmentation with UPerNet)"
    return card.preprocessing.in_words + fixed


def _sizes(card: ModelCard) -> str:
    sizes = {name: size for name, size in card.dims.model_dump().items() if size is not None}
    return ", ".join(f"{name} {_by(size)}" for name, size in sizes.items())


def _by(size: int | Iterable[int]) -> str:
    return str(size) if isinstance(size, int) else "×".join(map(str, size))


def _parameters(counts: Parameters | None) -> str:
    if counts is None:
        return ""
    return f"{counts.total / 1e6:.1f}M, {counts.trainable / 1e6:.1f}M of them trained"


def _tasks(card: ModelCard, registry: Registry, seen: list[str]) -> list[Line]:
    """Tasks by what becomes of them: run, run on images that were seen, or not applicable."""
    runs: list[str] = []
    marked: list[str] = []
    unfit: dict[str, list[str]] = defaultdict(list)
    for entry in registry.tasks.entries():
        task = entry.card
        reasons = _reasons(card, task, registry)
        if None not in reasons:
            unfit[" or ".join(dict.fromkeys(filter(None, reasons)))].append(task.id)
            continue
        runs.append(task.id)
        if {task.dataset.name, *task.dataset.overlaps} & set(seen):
            marked.append(task.id)
    return [
        ("tasks", ", ".join(runs) or "none"),
        ("seen in training", ", ".join(marked) + " (marked † in tables)" if marked else ""),
        *(("not applicable", f"{', '.join(tasks)}: {why}") for why, tasks in unfit.items()),
    ]


def _reasons(card: ModelCard, task: TaskCard, registry: Registry) -> list[str | None]:
    """Why the model cannot be run on a task, protocol by protocol; None where it can."""
    from cxrbench.runners.base import get_runner

    runner = get_runner(task.type)
    found = []
    for name in task.protocols:
        if name in registry.protocols.offers:
            recipe = runner.recipe(registry.protocols.get(name).card.recipe(task, card.id))
            found.append(runner.not_applicable(card, recipe))
    return found
