"""What a reader says, kept on disk by the hash of the text: each is read once over all runs.

No text is stored: the key of a row is a hash of the text together with that of the reader's files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cxrbench.data.rowstore import Rows, RowStore
from cxrbench.hashing import sha256_json
from cxrbench.paths import cache_dir

Texts = str | tuple[str, ...]
"""One text, or several that are read together, such as a reference and a generated report."""


class Kept:
    """Rows of numbers of one shape, one for each distinct text (or tuple of texts)."""

    def __init__(self, what: str, digest: str) -> None:
        """Open what is kept.

        Args:
            what: What the rows are, such as `chexbert-labels`; a name for a folder.
            digest: Hash of all that decides the numbers (`FoundReader.digest`, precision, and so
                on); others have other rows.
        """
        self._digest = digest
        self._folder = cache_dir() / "readers" / "kept" / f"{what}-{digest[:16]}"

    def read(
        self,
        texts: Sequence[Texts],
        compute: Callable[[list[int]], Rows],
        *,
        row_bytes: int,
        title: str,
    ) -> Rows:
        """The rows of N texts; those that were never read before are computed, each text once.

        Texts of similar length come together, the longest first, and every 256 (fewer where rows
        are large) are on the disk before the next are computed.

        Args:
            texts: N texts, cleaned as the reader wants them.
            compute: Positions in `texts` to an array of their rows.
            row_bytes: Size of one row.
            title: Shown beside the progress bar.

        Returns:
            (N, …) rows in the order of the texts.
        """
        keys = [sha256_json([self._digest, text]) for text in texts]
        first: dict[str, int] = {}
        for position, key in enumerate(keys):
            first.setdefault(key, position)
        store = RowStore(self._folder)
        absent = [key for key in first if store.missing([key], [""])]
        absent.sort(key=lambda key: (-_length(texts[first[key]]), key))
        if absent:
            store.fill(
                absent,
                [""] * len(absent),
                lambda rows: compute([first[absent[row]] for row in rows]),
                row_bytes=row_bytes,
                title=title,
            )
        rows = dict(zip(first, store.stack(list(first)), strict=True))
        return np.stack([rows[key] for key in keys])


def _length(text: Texts) -> int:
    return len(text) if isinstance(text, str) else sum(map(len, text))
