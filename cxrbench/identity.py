"""What makes an encoder the same encoder, apart from its weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from cxrbench.cards import ModelCard
from cxrbench.discovery import Provider
from cxrbench.hashing import sha256_json, sha256_text

_LENGTH = 16


def encoder_identity(card: ModelCard, provider: Provider) -> str:
    """Hash of all that the card and its provider say of the numbers an encoder gives.

    Id, version, entry, architecture settings and preprocessing, and who offers it. For a plugin
    that is named as a folder, and so is being worked on, its source code too: features of
    yesterday's code must not be taken for today's.
    """
    facts = {
        "card": card.model_dump(
            mode="json", include={"id", "version", "entry", "config", "preprocessing"}
        ),
        "provider": provider.distribution,
        "source": _source(card.entry) if provider.is_folder else "",
    }
    return sha256_json(facts)[:_LENGTH]


def _source(entry: str) -> str:
    """Hash of the Python files of the package that an entry is in."""
    spec = importlib.util.find_spec(entry.partition(":")[0].partition(".")[0])
    if spec is None or spec.origin is None:
        return ""
    files = sorted(Path(spec.origin).parent.rglob("*.py"))
    return sha256_text("\0".join(file.read_text(encoding="utf-8") for file in files))
