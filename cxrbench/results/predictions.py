"""Predictions on disk: one Parquet file a split, written whole or not at all.

Columns: `id`, `patient`, `view`, `sex`, `age`, then `label:NAME` (float32, null = unknown) and
`score:NAME` (float64, a probability) for every label.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrbench.atomic import atomic_path
from cxrbench.data.samples import Sample
from cxrbench.errors import DataError
from cxrbench.predictions import Predictions

_FIELDS = ("id", "patient", "view", "sex", "age")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a Parquet file atomically."""
    columns = {
        field: pa.array([getattr(sample, field) for sample in predictions.samples])
        for field in _FIELDS
    }
    for position, name in enumerate(predictions.names):
        labels = predictions.labels[:, position]
        columns[f"label:{name}"] = pa.array(labels, mask=np.isnan(labels))
        columns[f"score:{name}"] = pa.array(predictions.scores[:, position])
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote; `Sample.image` is empty.

    Raises:
        DataError: When the file is missing or not of that form.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"the predictions {path.name} cannot be read",
            why=f"{path}: {str(error).splitlines()[0]}",
            fix="run the task again with --overwrite all",
        ) from error
    names = tuple(
        column.removeprefix("label:")
        for column in table.column_names
        if column.startswith("label:")
    )
    rows = table.select(list(_FIELDS)).to_pylist()
    samples = [Sample(image=Path(), **row) for row in rows]
    labels = [table[f"label:{name}"].to_numpy(zero_copy_only=False) for name in names]
    scores = [table[f"score:{name}"].to_numpy() for name in names]
    return Predictions(
        samples,
        names,
        np.stack(labels, axis=1).astype(np.float32),
        np.stack(scores, axis=1).astype(np.float64),
    )
