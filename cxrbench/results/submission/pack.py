"""Packing a run: what may be shared of its record, and whether that can be sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cxrbench.atomic import write_text
from cxrbench.errors import DataError
from cxrbench.results.record import Record
from cxrbench.results.submission.findings import Finding
from cxrbench.results.submission.shareable import shareable, to_text
from cxrbench.results.submission.texts import holding
from cxrbench.results.submission.validate import MOST_BYTES, SUFFIX, Know, check_record

_IDS = ("id", "patient", "study")
_SHORTEST = 6
"""Characters of an id that is looked for: a shorter one is as well a year or a version."""


@dataclass(frozen=True)
class Packed:
    """A run, packed.

    Attributes:
        record: What may be shared of it.
        text: The file.
        findings: What is to be said of it.
        stays: What a reader may want to know and the file does not say: warnings of the run.
    """

    record: Record
    text: str
    findings: list[Finding]
    stays: list[str]

    @property
    def accepted(self) -> bool:
        """Whether it can be sent."""
        return not any(finding.refused for finding in self.findings)

    def write(self, folder: Path) -> Path:
        """Write the file, named after the run, and return its path."""
        path = folder / f"{self.record.run_id}{SUFFIX}"
        write_text(path, self.text)
        return path


def pack(record: Record, folder: Path, know: Know, include: Collection[str] = ()) -> Packed:
    """Reduce a record to what may be shared, and check that.

    Where the predictions of the run are still there, none of the ids in them may be in the file.

    Args:
        record: The record of the run.
        folder: The folder of the run.
        know: What cards here say of it.
        include: What is not to be refused (see `INCLUDABLE`).

    Raises:
        DataError: When the predictions cannot be read.
    """
    kept = shareable(record)
    text = to_text(kept)
    findings = check_record(kept, know(kept), include)
    findings += holding(kept, _sample_ids(record, folder))
    if len(text.encode()) > MOST_BYTES:
        findings.append(Finding("file", f"it is larger than {MOST_BYTES:,} bytes", "report it"))
    return Packed(kept, text, findings, list(record.warnings))


def _sample_ids(record: Record, folder: Path) -> set[str]:
    """Ids of the samples, patients and studies that the files of a run tell of.

    Where an id is the name of a file, it is looked for without its suffix too.
    """
    found: set[str] = set()
    for artifact in record.artifacts.values():
        path = folder / artifact.path
        if path.suffix != ".parquet" or not path.exists():
            continue
        try:
            columns = [name for name in _IDS if name in pq.read_schema(path).names]
            table = pq.read_table(path, columns=columns)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"{path.name} of {record.run_id} cannot be read",
                why=f"{path}: {str(error).splitlines()[0]}",
                fix="run again, or delete the file if you no longer need it",
            ) from error
        for column in table.columns:
            found.update(str(value) for value in column.to_pylist() if value is not None)
    found |= {value.rpartition(".")[0] for value in found}
    return {value for value in found if len(value) >= _SHORTEST}
