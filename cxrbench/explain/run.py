"""One request: what applies is drawn and written, what does not is told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import style

from cxrbench.building import build
from cxrbench.cards import ModelCard
from cxrbench.explain.folder import Folder, check_folder
from cxrbench.explain.kinds import load_kind, nothing_to_draw
from cxrbench.explain.notes import weights_note
from cxrbench.explain.source import Source
from cxrbench.explain.subject import Subject
from cxrbench.identity import encoder_identity
from cxrbench.registry import Registered
from cxrbench.results.provenance import package_versions
from cxrbench.training.features import to_device
from cxrbench.weights.choice import Weights
from cxrbench.weights.origin import contradictions

__all__ = ["RESTRICTED", "Result", "Settings", "check_folder", "explain"]

RESTRICTED = "pictures of credentialed data: do not publish them"


@dataclass(frozen=True)
class Settings:
    """How pictures are drawn.

    Attributes:
        kinds: Which.
        images: How many images are shown one by one.
        seed: Decides which, and the values of random weights.
        device: A torch device.
    """

    kinds: tuple[str, ...]
    images: int
    seed: int
    device: str


@dataclass(frozen=True)
class Result:
    """What became of one kind of picture.

    Attributes:
        kind: Its name.
        file: The picture; None when it is not applicable.
        images: How many images it was made from.
        reason: Why it is not applicable.
    """

    kind: str
    file: Path | None = None
    images: int = 0
    reason: str = ""


def explain(
    model: Registered[ModelCard], weights: Weights, source: Source, settings: Settings, out: Path
) -> Iterator[Result]:
    """Draw the pictures one by one, each written before the next is begun.

    Raises:
        BadRequest: Before any work, when the folder holds something else; before any picture,
            when none applies.
        DataError: When an image is missing or does not decode.
        WeightsError: When the weights do not fit.
    """
    identity = encoder_identity(model.card, model.provider)
    request: dict[str, Any] = {
        "model": model.card.id,
        "encoder": identity,
        "weights": weights.digest,
        "dataset": source.card.name,
        "split": source.split,
        "labels": list(source.data.labels),
        "data": source.data.fingerprint,
        "seed": settings.seed,
    }
    folder = Folder(out, request)
    encoder, load = build(model.card, weights, settings.seed)
    to_device(encoder, settings.device)
    subject = Subject(
        model=model.card,
        identity=identity,
        encoder=encoder,
        weights=weights,
        load=load,
        source=source,
        images=settings.images,
        seed=settings.seed,
        device=settings.device,
    )
    unfit = find_unfit(subject, settings.kinds)
    if len(unfit) == len(settings.kinds):
        raise nothing_to_draw(model.card.id, source.card.name, unfit)
    folder.begin({**_facts(subject), "not_applicable": unfit})
    for name in settings.kinds:
        if name in unfit:
            yield Result(name, reason=unfit[name])
            continue
        with style.context("default"):  # whatever the user has set for other figures
            drawn = load_kind(name).draw(subject)
        shown = {} if source.restricted else {"shown": list(drawn.shown)}
        facts = {"images": drawn.images, **drawn.settings, **shown, "numbers": drawn.numbers}
        with style.context("default"):
            file = folder.add(name, drawn.figure, _finite(facts))
        yield Result(name, file, drawn.images)


def find_unfit(subject: Subject, kinds: Sequence[str]) -> dict[str, str]:
    """The kinds that do not apply, and why."""
    reasons = {name: load_kind(name).unfit(subject) for name in kinds}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _facts(subject: Subject) -> dict[str, Any]:
    source = subject.source
    return {
        "restricted": RESTRICTED if source.restricted else "",
        "weights": {
            "source": subject.weights.source,
            "note": weights_note(subject.weights),
            "matched": subject.load.matched,
            "total": subject.load.total,
            "warnings": contradictions(subject.model, subject.weights),
        },
        "data": {
            "kind": source.data.kind,
            "release": source.card.release,
            "access": source.card.access,
            "layout": source.data.layout,
            "images": len(source.shown),
            "official": source.shown.official,
        },
        "context_used": subject.uses_context,
        "versions": package_versions(),
    }


def _finite(value: Any) -> Any:
    """A JSON value with null for what is undefined."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
