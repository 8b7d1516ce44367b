"""Predictions on disk: one Parquet file each, written whole or not at all.

Columns of all kinds: `id`, `patient`, `study`, `view`, `sex`, `age`, and `label:NAME` (float32,
null = unknown) for every label. Of label scores `score:NAME` (float64), of similarities
`similarity` (a list of N float32), of masks `height`, `width`, `predicted` and `true` (see
`cxrbench.data.packed`), of reports `generated` and `reference` (text), which is `reference:N` where
references are cut to N tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cxrbench.atomic import atomic_path
from cxrbench.data.samples import Sample
from cxrbench.errors import DataError
from cxrbench.predictions import LabelScores, Masks, Predictions, Similarities, Texts

_FIELDS = ("id", "patient", "study", "view", "sex", "age")
_REFERENCE = "reference"
_LATER = {"study"}
"""Columns that files written before do not have."""


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a Parquet file atomically.

    Raises:
        TypeError: When the predictions are of no known kind.
    """
    columns = sample_columns(predictions.samples)
    for position, name in enumerate(predictions.names):
        labels = predictions.labels[:, position]
        columns[f"label:{name}"] = pa.array(labels, mask=np.isnan(labels))
    columns.update(_own_columns(predictions))
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
    marked = [column for column in table.column_names if column.startswith("label:")]
    names = tuple(column.removeprefix("label:") for column in marked)
    fields = [name for name in _FIELDS if name not in _LATER - set(table.column_names)]
    samples = [Sample(image=Path(), **row) for row in table.select(fields).to_pylist()]
    labels = _matrix(table, marked).astype(np.float32)
    if "similarity" in table.column_names:
        values = table["similarity"].combine_chunks().flatten().to_numpy()
        return Similarities(samples, names, labels, values.reshape(len(samples), -1))
    if "predicted" in table.column_names:
        shapes = zip(table["height"].to_pylist(), table["width"].to_pylist(), strict=True)
        predicted, true = (table[name].to_pylist() for name in ("predicted", "true"))
        return Masks(samples, names, labels, list(shapes), predicted, true)
    if "generated" in table.column_names:
        (column,) = (name for name in table.column_names if name.startswith(_REFERENCE))
        _, _, length = column.partition(":")
        generated, references = (table[name].to_pylist() for name in ("generated", column))
        return Texts(samples, names, labels, generated, references, int(length) if length else None)
    scores = _matrix(table, [f"score:{name}" for name in names])
    return LabelScores(samples, names, labels, scores.astype(np.float64))


def write_sample_scores(
    path: Path, samples: Sequence[Sample], scores: Mapping[str, npt.NDArray[np.float64]]
) -> None:
    """Write what metrics say of each sample; null where a metric is undefined. Atomic."""
    columns = sample_columns(samples)
    columns.update({name: pa.array(v, mask=np.isnan(v)) for name, v in scores.items()})
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def sample_columns(samples: Sequence[Sample]) -> dict[str, Any]:
    """The columns that say which sample a row is about."""
    return {field: pa.array([getattr(sample, field) for sample in samples]) for field in _FIELDS}


def _own_columns(predictions: Predictions) -> dict[str, Any]:
    if isinstance(predictions, LabelScores):
        pairs = zip(predictions.names, predictions.scores.T, strict=True)
        return {f"score:{name}": pa.array(column) for name, column in pairs}
    if isinstance(predictions, Similarities):
        values = pa.array(predictions.values.astype(np.float32).ravel())
        return {"similarity": pa.FixedSizeListArray.from_arrays(values, len(predictions))}
    if isinstance(predictions, Masks):
        return {
            "height": pa.array([height for height, _ in predictions.shapes]),
            "width": pa.array([width for _, width in predictions.shapes]),
            "predicted": pa.array(list(predictions.predicted), pa.binary()),
            "true": pa.array(list(predictions.true), pa.binary()),
        }
    if isinstance(predictions, Texts):
        cut = "" if predictions.cut_to is None else f":{predictions.cut_to}"
        return {
            "generated": pa.array(list(predictions.generated), pa.string()),
            f"{_REFERENCE}{cut}": pa.array(list(predictions.references), pa.string()),
        }
    raise TypeError(f"no columns are known for {type(predictions).__name__}")


def _matrix(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[Any]:
    """Columns side by side, N×C; null is NaN."""
    if not columns:
        return np.empty((len(table), 0))
    return np.stack([table[name].to_numpy(zero_copy_only=False) for name in columns], axis=1)
