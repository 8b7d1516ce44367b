"""Rows of one shape, kept on disk by id: prepared images and frozen features.

A store is a folder of chunk files (safetensors), each holding up to a few dozen megabytes of rows
with their ids and stamps. A chunk appears whole or not at all, so a process killed in the middle
loses one chunk of work; the next one computes what is missing and nothing else. Rows are
memory-mapped on reading. A stamp says what a row was made from (size and time of change of the
image file): a row with another stamp counts as missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from cxrbench.atomic import atomic_path
from cxrbench.hashing import sha256_text
from cxrbench.progress import track

Rows = npt.NDArray[Any]

_CHUNK_BYTES = 32 * 2**20
_MOST_ROWS = 256


class RowStore:
    """A growing table of equally shaped rows."""

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`, which is made when the first chunk is written."""
        self.folder = folder
        self._where: dict[str, tuple[Path, int, str]] = {}
        self._open: dict[Path, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            self._index(path)

    def missing(self, ids: Sequence[str], stamps: Sequence[str]) -> list[int]:
        """Positions in `ids` that have no row with the stamp given."""
        return [
            position
            for position, (key, stamp) in enumerate(zip(ids, stamps, strict=True))
            if key not in self._where or self._where[key][2] != stamp
        ]

    def fill(
        self,
        ids: Sequence[str],
        stamps: Sequence[str],
        compute: Callable[[list[int]], Rows],
        *,
        row_bytes: int,
        title: str,
    ) -> int:
        """Compute and keep what is missing, a chunk at a time.

        Chunks are cut from `ids` in their order and not from what happens to be missing, so an
        interrupted run computes each row in the same batch as an uninterrupted one.

        Args:
            ids: The rows wanted.
            stamps: What each would be made from.
            compute: Positions to an array of their rows.
            row_bytes: Size of one row, which decides how many go into a chunk.
            title: Shown beside the progress bar.

        Returns:
            The number of rows computed.
        """
        size = max(1, min(_MOST_ROWS, _CHUNK_BYTES // max(1, row_bytes)))
        absent = set(self.missing(ids, stamps))
        chunks = [list(range(i, min(i + size, len(ids)))) for i in range(0, len(ids), size)]
        todo = [[p for p in chunk if p in absent] for chunk in chunks]
        for positions in track([c for c in todo if c], title, total=len(absent), weigh=len):
            chosen = [ids[p] for p in positions]
            self._write(chosen, [stamps[p] for p in positions], compute(positions))
        return len(absent)

    def __getitem__(self, key: str) -> Rows:
        """The row of an id, as a copy."""
        path, position, _ = self._where[key]
        if path not in self._open:
            self._open[path] = safe_open(path, framework="np").get_slice("rows")  # type: ignore[no-untyped-call]
        row: Rows = self._open[path][position]
        return row

    def __getstate__(self) -> dict[str, Any]:
        """Open files stay behind when a data-loading worker takes the store along."""
        return {**self.__dict__, "_open": {}}

    def stack(self, ids: Sequence[str]) -> Rows:
        """The rows of several ids, stacked in their order."""
        return np.stack([self[key] for key in ids])

    def _write(self, ids: list[str], stamps: list[str], rows: Rows) -> None:
        name = sha256_text("\n".join(map("\t".join, zip(ids, stamps, strict=True))))[:24]
        path = self.folder / f"{name}.safetensors"
        with atomic_path(path) as temporary:
            save_file(
                {"rows": np.ascontiguousarray(rows)},
                temporary,
                metadata={"ids": json.dumps(ids), "stamps": json.dumps(stamps)},
            )
        self._index(path)

    def _index(self, path: Path) -> None:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata()
        ids, stamps = json.loads(metadata["ids"]), json.loads(metadata["stamps"])
        for position, (key, stamp) in enumerate(zip(ids, stamps, strict=True)):
            self._where[key] = (path, position, stamp)
