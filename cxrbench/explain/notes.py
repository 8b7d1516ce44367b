"""What has to stand on every picture: what the weights and the data are."""

from __future__ import annotations

from cxrbench.explain.subject import Subject
from cxrbench.weights.choice import Weights
from cxrbench.weights.origin import saw_phantoms


def weights_note(weights: Weights) -> str:
    """`random weights`, `weights trained on phantoms`, or nothing to warn of.

    Of a file that is not the card's no more is known than what stands beside it.
    """
    if weights.source == "random":
        return "random weights"
    if saw_phantoms(weights):
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
