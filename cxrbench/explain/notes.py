"""What has to stand on every picture: what the weights and the data are."""

from __future__ import annotations

import json
from typing import Any

from cxrbench.explain.subject import Subject
from cxrbench.weights.choice import ResolvedFile, Weights

_RECORD = "record.json"


def weights_note(weights: Weights) -> str:
    """`random weights`, `weights trained on phantoms`, or nothing to warn of.

    Of a file that is not the card's no more is known than what stands beside it.
    """
    if weights.source == "random":
        return "random weights"
    if any(_saw_phantoms(file, weights) for file in weights.files if file.holds_tensors):
        return "weights trained on phantoms"
    return "weights from a file" if weights.source == "path" else ""


def caption(subject: Subject, *, context: bool = False) -> str:
    """Model and data with what a reader must know of them, in a line.

    Args:
        subject: Both.
        context: Say that the encoder is told the clinical context, where it is.
    """
    weights = weights_note(subject.weights)
    source = subject.source
    model = f"{subject.model.id} ({weights})" if weights else subject.model.id
    kind = ", phantom data" if source.data.kind == "phantom" else ""
    told = subject.uses_context and any(sample.context for sample in source.shown.samples)
    with_context = ", told the clinical context" if context and told else ""
    return f"{model} on {source.card.name}, {source.split}{kind}{with_context}"


def _saw_phantoms(file: ResolvedFile, weights: Weights) -> bool:
    """As the record beside the file tells it, or the card of which the file is."""
    entry = file.entry
    declared = any("phantom" in name.lower() for name in (entry.name, *entry.trained_on))
    return (weights.source == "card" and declared) or _record_says_phantom(file)


def _record_says_phantom(file: ResolvedFile) -> bool:
    """Whether the record of the pretraining run that wrote the file names phantom data."""
    try:
        record: dict[str, Any] = json.loads((file.path.parent / _RECORD).read_text("utf-8"))
        own = record["weights"]["sha256"] == file.sha256
        return bool(own and record["data"]["kind"] == "phantom")
    except (OSError, ValueError, KeyError, TypeError):
        return False  # another file of that name, or none
