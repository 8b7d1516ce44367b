"""Whether weights were trained on phantoms: such numbers say nothing about the clinic."""

from __future__ import annotations

import json
from typing import Any

from cxrbench.weights.choice import ResolvedFile, Weights

PHANTOM = "phantom"
"""In `trained_on` of a model card: phantoms of this package, no data set."""

_RECORD = "record.json"


def saw_phantoms(weights: Weights) -> bool:
    """Whether the card says so, or the record of the pretraining run beside a given file."""
    tensors = [file for file in weights.files if file.holds_tensors]
    if weights.source == "card":
        return any(PHANTOM in file.entry.trained_on for file in tensors)
    return any(_record_says_phantom(file) for file in tensors)


def _record_says_phantom(file: ResolvedFile) -> bool:
    try:
        record: dict[str, Any] = json.loads((file.path.parent / _RECORD).read_text("utf-8"))
        own = record["weights"]["sha256"] == file.sha256
        return bool(own and record["data"]["kind"] == "phantom")
    except (OSError, ValueError, KeyError, TypeError):
        return False  # another file of that name, or none
