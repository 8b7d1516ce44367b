"""SHA-256 of files, remembered by path, size and time of change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxrbench.atomic import write_text
from cxrbench.paths import cache_dir

_BLOCK = 1 << 20


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file; a file that has not changed since the last call is not read again."""
    stat = path.stat()
    memory = cache_dir() / "hashes" / f"{sha256_text(str(path.resolve()))[:32]}.json"
    stamp = [stat.st_size, stat.st_mtime_ns]
    try:
        known = json.loads(memory.read_text())
        if known["stamp"] == stamp:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing remembered, or something else in its place: hash again
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    write_text(memory, json.dumps({"stamp": stamp, "sha256": digest.hexdigest()}))
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Hex SHA-256 of UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_ids(ids: Iterable[str]) -> str:
    """Hex SHA-256 of a set of ids: sorted and newline-joined, since the order means nothing."""
    return sha256_text("\n".join(sorted(ids)))


def sha256_json(value: Any) -> str:
    """Hex SHA-256 of a JSON value in canonical form."""
    return sha256_text(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False))
