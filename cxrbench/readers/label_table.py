"""A table of observations in the form of MIMIC-CXR-JPG's label tables.

Columns with ids, then the 14 observations in alphabetical order: 1.0 positive, 0.0 negative, -1.0
uncertain, blank where they are not mentioned.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrbench.atomic import atomic_path
from cxrbench.readers.observations import BLANK, NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN

_CELLS = {BLANK: "", POSITIVE: "1.0", NEGATIVE: "0.0", UNCERTAIN: "-1.0"}


def write_labels(
    path: Path, ids: Mapping[str, Sequence[str]], classes: npt.NDArray[np.uint8]
) -> None:
    """Write the table whole, gzipped where its name ends in `.gz`.

    Args:
        path: The file, written over.
        ids: Column to the ids of N reports.
        classes: (N, 14) as `CheXbert.label` gives them.
    """
    columns = sorted(OBSERVATIONS)
    order = [OBSERVATIONS.index(name) for name in columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*ids, *columns])
    for *keys, row in zip(*ids.values(), classes[:, order].tolist(), strict=True):
        writer.writerow([*keys, *(_CELLS[code] for code in row)])
    content = text.getvalue().encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)  # without a date: equal labels, equal bytes
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
